"""Who may enter a task, when, and how fast."""
