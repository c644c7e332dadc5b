"""The worker's process: Faust's consumer group drives the partitions of the engine, exactly once.

`processor` is the core, `owned_partition` a partition with its transactions, `fetcher` reads the log in bulk.
"""
