"""What pytest wants at the top of the tests: the plug-ins."""

from importlib.util import find_spec

PEERS = "tests.integration.peer_fixtures"

pytest_plugins = [PEERS] if find_spec(PEERS) else []
