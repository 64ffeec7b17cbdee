"""The loop without a person: who draws, what is drawn, and what comes out."""
