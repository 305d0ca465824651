"""A shop: the contracts that the ingress is tested with."""

import functools
import tempfile
from pathlib import Path

from google.protobuf.message import Message
from perdure_runtime.contracts import Contracts

from tests.contracts.compiling import compile_protos

SHOP = """
syntax = "proto3";
package shop.v1;
import "google/protobuf/any.proto";
import "perdure/v1/annotations.proto";

message Line { string sku = 1; int32 count = 2; }
message Basket { string customer_name = 1; repeated Line lines = 2; int64 cents = 3; }
message Receipt { string order_id = 1; int64 cents = 2; google.protobuf.Any extra = 3; }
message OutOfStock { string sku = 1; }
message Account { string customer = 1 [(perdure.v1.field) = { key: true }]; double amount = 2; }

service Orders {
  rpc Process(Basket) returns (Receipt);
  rpc Audit(Basket) returns (Receipt) { option (perdure.v1.method) = { visibility: PRIVATE }; }
}
service Accounts {
  option (perdure.v1.service) = { kind: VIRTUAL_OBJECT };
  rpc Add(Account) returns (Account);
}
service Signups {
  option (perdure.v1.service) = { kind: WORKFLOW };
  rpc Run(Account) returns (Receipt);
}
service Backstage {
  option (perdure.v1.service) = { visibility: PRIVATE };
  rpc Sweep(Basket) returns (Receipt);
}
"""
# Messages of an older language, where a field can be required.
OLD = """
syntax = "proto2";
package old.v1;
message Form { required string name = 1; }
service Forms { rpc File(Form) returns (Form); }
"""
SERVICES = ("shop.v1.Orders", "shop.v1.Accounts", "shop.v1.Signups", "shop.v1.Backstage", "old.v1.Forms")
PROCESS = "/shop.v1.Orders/Process"
ADD = "/shop.v1.Accounts/Add"
RUN = "/shop.v1.Signups/Run"


@functools.cache
def contracts() -> Contracts:
    """All services of the shop."""
    with tempfile.TemporaryDirectory() as folder:
        sources = {"shop/v1/shop.proto": SHOP, "old/v1/old.proto": OLD}
        return Contracts.described(compile_protos(Path(folder), sources), SERVICES)


def receipt(order_id: str) -> Message:
    """A response of Process."""
    return contracts().handlers[PROCESS].response(order_id=order_id)


def basket(**fields: object) -> Message:
    """A request of Process."""
    return contracts().handlers[PROCESS].request(**fields)
