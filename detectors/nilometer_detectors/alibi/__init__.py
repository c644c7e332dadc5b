"""alibi-detect's detectors behind our contracts.

A detector is named as there, after a dot: `alibi.KSDrift`. Nothing here knows one detector from another. An entry point
says of which shape a detector is (`columns`: a test of each column; `online`: a test of each column that remembers;
`rows`: a score for each row; `joint`: a test of all columns at once), and its constructor's signature says what it takes: parameters are those of the constructor, in
camelCase. Why others are not carried, `library` tells by their shape.

The library is imported only when a monitor asks for one of its detectors: that takes 5 seconds and 270 MB, and its
licence allows production use to few.
"""
