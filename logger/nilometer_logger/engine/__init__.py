"""What a log means: records go in, in the order of their offsets; findings and a snapshot come out.

Pure code, so that the worker, a replay and a test with a simulated log run the very same. `partition` holds the
state of one input partition, `stream` that of one stream, `windows` has event time, `pairing` lets requests meet
responses, `protocol` is what those who judge must offer. The order of the log decides, and not a clock.
"""
