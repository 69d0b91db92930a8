"""respool: failed jobs are parked whole, and put back when the downstream service is well."""
