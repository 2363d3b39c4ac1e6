"""A board on the table: putting the firmware on it and calibrating its sensor, through mpremote."""
