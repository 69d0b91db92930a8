"""A thousand jobs on a local AWS that fails all the time: nothing lost, nothing twice."""
