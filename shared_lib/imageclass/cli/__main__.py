"""`python -m imageclass.cli`, where the script `imageclass` is not on the path."""

import sys

from imageclass.cli import main

sys.exit(main())
