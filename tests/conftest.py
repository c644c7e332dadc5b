"""What pytest wants at the top of the tests: the plug-ins."""

pytest_plugins = ["tests.integration.peer_fixtures"]
