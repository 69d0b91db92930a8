"""The ramp: replay that feels its way, one probe first, then twice as many at each tick."""
