"""`python -m sitescope_fo` is the same program as `sitescope-fo`."""

import sys

if __name__ == "__main__":
    from sitescope_fo.cli.main import main

    sys.exit(main())
