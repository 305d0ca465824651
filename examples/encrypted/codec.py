"""What the setting names: ``examples.encrypted.codec:codec``. $PAYLOAD_KEYS is the file of its keys."""

import os
from pathlib import Path

from examples.encrypted.aes_gcm import AesGcm, read_keys

codec = AesGcm(read_keys(Path(os.environ["PAYLOAD_KEYS"])))
