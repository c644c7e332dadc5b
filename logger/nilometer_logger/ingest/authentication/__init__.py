"""Who may send events, and how a client proves who it is.

`_authentication` decides, `_bearer` finds the token of a request (RFC 6750), `_oidc` verifies an identity token, with
the keys that `_issuer` keeps and `_discovery` fetches. The last three are loaded only where identities are asked for.
"""

from nilometer_logger.ingest.authentication._authentication import Authentication
from nilometer_logger.ingest.authentication._bearer import Refusal

__all__ = ["Authentication", "Refusal"]
