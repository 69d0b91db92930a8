"""respool: failed jobs are set aside whole, and put back when the neighbour is well."""
