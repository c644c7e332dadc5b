"""From the bytes of a record to rows, without any I/O: `payload` decodes bodies, `inferences` events."""
