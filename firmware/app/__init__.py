"""The programs: a button and a level sensor, written against the ports of `firmware.app.ports`."""
