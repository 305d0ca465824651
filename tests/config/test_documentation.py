"""docs/configuration.md has each setting as the schema has it, and no other."""

from perdure_runtime.config.catalogue import catalogue, sections

from tests.config.reference import PAGE, written


def test_each_setting_is_documented_with_its_type_default_variable_flag_and_meaning() -> None:
    page = PAGE.read_text()
    assert page == written(page), "write it anew with: python -m tests.config.reference"


def test_each_setting_and_each_section_has_a_meaning() -> None:
    settings = [part for setting in catalogue().values() for part in (setting, *setting.parts)]
    assert [setting.name for setting in settings if not setting.meaning] == []
    assert [name for name, meaning in sections().items() if not meaning] == []
