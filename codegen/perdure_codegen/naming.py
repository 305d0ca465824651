"""Python names of what contracts name, as betterproto's own generator gives them."""

from betterproto import casing
from betterproto.compile import naming

from perdure_codegen.contract import Enum, EnumValue, Field, Handler, Message, Service


def class_name(declared: Message | Enum) -> str:
    """Nested types are flattened: Order.Item is OrderItem."""
    return str(naming.pythonize_class_name("_".join(declared.path)))


def attribute(field: Field) -> str:
    """Of a message: camelCase becomes snake_case, and a Python keyword gets an underscore behind it."""
    return str(naming.pythonize_field_name(field.name))


def member(value: EnumValue, enum: Enum) -> str:
    """Of an enum: without the prefix that repeats the enum's name."""
    return str(naming.pythonize_enum_member_name(value.name, "_".join(enum.path)))


def method(handler: Handler) -> str:
    """Of handlers and clients: UpdateBalance is update_balance."""
    return str(naming.pythonize_method_name(handler.name))


class ServiceNames:
    """The names of what is generated for one service."""

    def __init__(self, service: Service) -> None:
        prefix = str(naming.pythonize_class_name(service.name))
        self.constant = str(casing.snake_case(service.name)).upper()
        self.state = f"{prefix}StateFields"
        self.read_state = f"{prefix}ReadStateFields"
        self.promises = f"{prefix}Promises"
        self.context = f"{prefix}Context"
        self.shared_context = f"{prefix}SharedContext"
        self.handlers = f"{prefix}Handlers"
        self.client = f"{prefix}Client"
