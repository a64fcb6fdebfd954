"""`python -m agents.devices.scripted`."""

import sys

from agents.devices.scripted.cli import main

sys.exit(main())
