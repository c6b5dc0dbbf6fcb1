"""When an agent that says nothing any more is taken for dead."""

#: Seconds between two announcements of an agent that works.
HEARTBEAT_SECONDS = 3.0


#: After so many seconds without one it is taken for dead: its process was killed, or the broker
#: does not hear it.
DEAD_AFTER_SECONDS = 10.0
