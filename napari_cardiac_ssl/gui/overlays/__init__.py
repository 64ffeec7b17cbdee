"""What is shown over the picture."""
