"""What MicroPython's build freezes into an image of ours: FROZEN_MANIFEST=/path/to/this/file.

It takes the place of the port's own manifest, so that nothing starts before `_boot.py` of ours. Paths are
relative to this file. How to build: docs/firmware.md, Updates.
"""

include("$(MPY_DIR)/extmod/asyncio")  # the only library that a chip's own modules lack
package("firmware", base_path="..", opt=2)
freeze("../firmware", ("_boot.py", "boot.py", "main.py"), opt=2)
