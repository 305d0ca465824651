"""What counts as set, and what Python values are taken and given."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from betterproto.lib.google.protobuf import Empty, Struct, Value
from kinds.v1 import Choice, Color, Knowns, Maps, Optionals, Repeateds, Scalars, Tree, TreeLeaf
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


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Scalars(int32_value=2**31), r"kinds\.v1\.Scalars\.int32_value cannot be 2147483648: "),
        (Scalars(uint32_value=-1), r"kinds\.v1\.Scalars\.uint32_value cannot be -1: "),
        (Scalars(string_value=7), r"kinds\.v1\.Scalars\.string_value cannot be 7: "),  # type: ignore[arg-type]
        (Scalars(string_value="\ud800"), r"kinds\.v1\.Scalars\.string_value cannot be '\\ud800': "),
        (Repeateds(strings="abc"), r"kinds\.v1\.Repeateds\.strings cannot be 'abc': expected a list, got str"),  # type: ignore[arg-type]
        (Tree(left=Scalars()), r"kinds\.v1\.Tree\.left cannot be Scalars\(\): expected a Tree, got Scalars"),  # type: ignore[arg-type]
        (Tree(left=Tree(scalars=Scalars(bool_value="no"))), r"kinds\.v1\.Scalars\.bool_value cannot be 'no': "),  # type: ignore[arg-type]
    ],
    ids=["too large", "negative", "number for text", "surrogate", "text for list", "another message", "nested"],
)
def test_a_value_that_does_not_fit_is_named_with_its_field(message: Scalars | Repeateds | Tree, says: str) -> None:
    with pytest.raises(codec.UnencodableMessage, match=says):
        codec.encode(message)


def test_a_message_that_is_nested_too_deep_is_refused_and_read_no_deeper() -> None:
    tree = Tree()
    for _ in range(2_000):
        tree = Tree(left=tree)
    with pytest.raises(codec.UnencodableMessage):
        codec.encode(tree)
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
