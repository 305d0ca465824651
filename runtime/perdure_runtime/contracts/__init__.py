"""What registered contracts say, as frozen facts: services, handlers, keys, policies and messages.

Pure: descriptors in, facts out. The ingress checks calls by them, the node runs invocations by them.
"""

from perdure_runtime.contracts.contracts import Contracts
from perdure_runtime.contracts.descriptors import Descriptors
from perdure_runtime.contracts.error import ContractError
from perdure_runtime.contracts.facts import HandlerFacts, HandlerKind, ServiceFacts, ServiceKind

__all__ = [
    "ContractError",
    "Contracts",
    "Descriptors",
    "HandlerFacts",
    "HandlerKind",
    "ServiceFacts",
    "ServiceKind",
]
