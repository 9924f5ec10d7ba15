"""What a plan looks like: its arena over time, its layers, and pages about them."""
