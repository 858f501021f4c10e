"""Practice: models at work, and what that asks for: export, serving, monitoring."""
