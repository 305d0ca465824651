"""Why a command ends, in one sentence."""


class Problem(Exception):
    """Ends the command with this sentence.

    Attributes:
        exit_code: 2 for what the user can mend at the command line, 1 for a server that had to stop.
    """

    def __init__(self, sentence: str, exit_code: int = 2) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
