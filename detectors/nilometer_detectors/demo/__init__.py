"""`nilometer demo`, and the real parts it is made of, which the integration tests use too."""
