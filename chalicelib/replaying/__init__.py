"""A job's way back: resumed, redriven or restarted."""
