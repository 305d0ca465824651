"""What counts as set, and what Python values are taken and given."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any as Anything

import pytest
from betterproto.lib.google.protobuf import Any, Empty, StringValue, Struct, Value
from kinds.v1 import Choice, Color, Knowns, Maps, Optionals, Repeateds, Scalars, Tree, TreeLeaf
from orders.v1 import Order
from perdure import codec
from perdure.errors import UsageError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_an_empty_sub_message_that_was_given_is_set() -> None:
    assert codec.decode(Tree, codec.encode(Tree(leaf=TreeLeaf()))).leaf == TreeLeaf()
    assert codec.encode(Tree(leaf=TreeLeaf())) == b"\x2a\x00"


def test_a_sub_message_that_was_only_read_is_not_set() -> None:
    tree = Tree()
    assert tree.leaf.from_ == ""
    assert tree.scalars.int32_value == 0
    assert codec.encode(tree) == b""


def test_a_sub_message_that_was_written_to_is_set() -> None:
    tree = Tree()
    tree.left.left.leaf.from_ = "below"
    assert codec.decode(Tree, codec.encode(tree)).left.left.leaf.from_ == "below"


def test_a_list_of_a_sub_message_that_was_only_read_can_be_appended_to() -> None:
    tree = Tree()
    tree.left.others.append(Tree(name="other"))
    assert codec.decode(Tree, codec.encode(tree)).left.others == [Tree(name="other")]


@pytest.mark.parametrize(
    "moment", [EPOCH, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)]
)
def test_a_time_is_kept_even_if_it_is_the_epoch(moment: datetime) -> None:
    assert codec.decode(Knowns, codec.encode(Knowns(time=moment))).time == moment
    assert codec.encode(Knowns(time=moment)) != b""


def test_a_time_that_was_not_set_reads_as_the_epoch_and_stays_unset() -> None:
    knowns = Knowns()
    assert knowns.time == EPOCH
    assert codec.encode(knowns) == b""


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    moment = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert codec.decode(Knowns, codec.encode(Knowns(time=moment))).time == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused_with_what_to_do() -> None:
    with pytest.raises(codec.UnencodableMessage, match=r"kinds\.v1\.Knowns\.time cannot be .* add one, as in datetime"):
        codec.encode(Knowns(time=datetime(2026, 1, 1)))  # the mistake itself


@pytest.mark.parametrize("duration", [timedelta(0), timedelta(seconds=-1.5), timedelta(days=3_000_000)])
def test_a_duration_is_kept_even_if_it_is_zero_or_negative(duration: timedelta) -> None:
    data = codec.encode(Knowns(duration=duration))
    assert data != b""
    assert codec.decode(Knowns, data).duration == duration


def test_a_wrapped_zero_is_not_none() -> None:
    data = codec.encode(Knowns(int32_value=0, string_value="", bool_value=False))
    decoded = codec.decode(Knowns, data)
    assert (decoded.int32_value, decoded.string_value, decoded.bool_value, decoded.int64_value) == (0, "", False, None)


def test_an_optional_default_is_not_none() -> None:
    decoded = codec.decode(Optionals, codec.encode(Optionals(int32_value=0, color=Color.UNSPECIFIED)))
    assert (decoded.int32_value, decoded.color, decoded.string_value) == (0, Color.UNSPECIFIED, None)


def test_a_member_of_a_oneof_is_set_even_to_its_default() -> None:
    decoded = codec.decode(Choice, codec.encode(Choice(number=0, yes=False)))
    assert (decoded.number, decoded.yes) == (0, False)
    with pytest.raises(AttributeError, match="set to 'number', not 'text'"):
        _ = decoded.text


def test_setting_one_member_of_a_oneof_clears_the_others() -> None:
    choice = Choice(number=7)
    choice.nothing = Empty()
    assert codec.encode(choice) == b"\x32\x00"


def test_a_default_entry_of_a_map_is_kept() -> None:
    maps = Maps(strings={"": ""}, doubles={0: 0.0}, scalars={"empty": Scalars()}, times={0: EPOCH})
    assert codec.decode(Maps, codec.encode(maps)) == maps


def test_numbers_without_a_name_are_kept_in_enums() -> None:
    decoded = codec.decode(Repeateds, codec.encode(Repeateds(colors=[Color.RED, Color.try_value(77)])))
    assert decoded.colors[0] is Color.RED
    assert decoded.colors[1] == 77


def test_json_values_are_messages_of_their_own() -> None:
    struct = Struct(fields={"deep": Value(struct_value=Struct(fields={"n": Value(number_value=1.5)}))})
    assert codec.decode(Knowns, codec.encode(Knowns(struct=struct))).struct == struct
    assert codec.to_json(Knowns(struct=struct)).replace("\n", "").replace(" ", "") == '{"struct":{"deep":{"n":1.5}}}'


def test_equal_maps_give_equal_bytes_whatever_their_order() -> None:
    keys = [f"key {number}" for number in range(50)]
    forward = Maps(strings=dict.fromkeys(keys, "x"))
    backward = Maps(strings=dict.fromkeys(reversed(keys), "x"))
    assert codec.encode(forward) == codec.encode(backward)


def test_a_map_is_read_in_the_order_of_its_keys_whatever_the_process() -> None:
    keys = [f"key {number}" for number in range(20)]
    maps = codec.decode(
        Maps, codec.encode(Maps(strings=dict.fromkeys(keys, "x"), scalars={key: Scalars() for key in keys}))
    )
    assert list(maps.strings) == list(maps.scalars) == sorted(keys)


def test_json_of_an_any_finds_types_of_other_packages() -> None:
    for packed in (Order(id="o-1"), StringValue(value="text")):
        url = f"type.googleapis.com/{codec.full_name(type(packed))}"
        knowns = Knowns(any=Any(type_url=url, value=codec.encode(packed)))
        assert codec.from_json(Knowns, codec.to_json(knowns)) == knowns


@pytest.mark.parametrize(
    "nanos", [b"\x10\x80\x94\xeb\xdc\x03", b"\x10" + b"\xff" * 9 + b"\x01"], ids=["a second", "negative"]
)
def test_nanoseconds_that_are_no_part_of_a_second_are_malformed(nanos: bytes) -> None:
    with pytest.raises(codec.MalformedMessage, match=r"kinds\.v1\.Knowns\.time has no value in Python"):
        codec.decode(Knowns, bytes((0x0A, len(nanos))) + nanos)


# What type checkers refuse, and callers without one do.
WRONG: Anything = "no"
SEVEN: Anything = 7


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Scalars(int32_value=2**31), "Scalars.int32_value cannot be 2147483648: "),
        (Scalars(uint32_value=-1), "Scalars.uint32_value cannot be -1: "),
        (Scalars(string_value=SEVEN), "Scalars.string_value cannot be 7: "),
        (Scalars(string_value="\ud800"), "Scalars.string_value cannot be '\\ud800': "),
        (Repeateds(strings=WRONG), "Repeateds.strings cannot be 'no': expected a list, got str"),
        (Tree(left=SEVEN), "Tree.left cannot be 7: expected a Tree, got int"),
        (Tree(left=Tree(scalars=Scalars(bool_value=WRONG))), "Tree.left.scalars.bool_value cannot be 'no': "),
        (Tree(others=[Tree(), Tree(name=SEVEN)]), "Tree.others[1].name cannot be 7: "),
        (Tree(named={"a": Tree(name=SEVEN)}), "Tree.named['a'].name cannot be 7: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_does_not_fit_is_named_with_its_field(message: Scalars | Repeateds | Tree, says: str) -> None:
    with pytest.raises(codec.UnencodableMessage, match=re.escape(f"kinds.v1.{says}")):
        codec.encode(message)


def test_a_message_that_is_nested_too_deep_is_refused_and_read_no_deeper() -> None:
    for depth in (150, 2_000):
        tree = Tree()
        for _ in range(depth):
            tree = Tree(left=tree)
        with pytest.raises(codec.UnencodableMessage, match=r"kinds\.v1\.Tree is nested too deep"):
            codec.encode(tree)
    reads = Tree()
    for _ in range(99):
        reads = Tree(left=reads)
    assert codec.decode(Tree, codec.encode(reads)) == reads
    deep = b""
    for _ in range(2_000):
        deep = b"\x12" + varint(len(deep)) + deep
    with pytest.raises(codec.MalformedMessage, match=r"are no kinds\.v1\.Tree"):
        codec.decode(Tree, deep)


def test_a_class_that_was_not_generated_is_refused() -> None:
    class Stranger(Scalars):
        """A subclass is another class."""

    with pytest.raises(UsageError, match="is no message of code that protoc-gen-perdure generated"):
        codec.encode(Stranger())


def test_a_field_that_is_a_keyword_has_its_name_on_the_wire() -> None:
    assert codec.to_json(TreeLeaf(from_="x")).replace("\n", "").replace(" ", "") == '{"from":"x"}'


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
