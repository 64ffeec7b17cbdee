"""The parts of the window: what each shows, and what the user asks for in it. No rules."""
