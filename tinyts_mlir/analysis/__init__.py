"""What passes want to know about the IR; nothing here changes it."""
