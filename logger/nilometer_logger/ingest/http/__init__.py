"""How requests come in.

`connections` takes them off the wire within the bounds of `bounded`; `ingress` makes events of them and hands these to
the journal; `answers` says what goes back, `refusals` what is logged of it. `certificates` is what TLS is served with.
"""
