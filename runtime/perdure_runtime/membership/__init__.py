"""Who owns which partition: nodes keep leases, share the partitions evenly, and take over those of the dead."""
