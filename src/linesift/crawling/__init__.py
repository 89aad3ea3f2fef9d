"""More pages than fit in memory: workers, files that survive, tables, datatrove."""
