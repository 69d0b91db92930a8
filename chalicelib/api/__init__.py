"""What the API does, free of Chalice: functions of a stage, for the routes and the command line."""
