// The stand-in: recorded sessions said again to a live server, or answered as the recorded server did.
//
// What is decided is decided by pure state machines; only the drivers know sockets. What a live peer says goes through
// the same conversation, decoders and rules as a capture.

internal import Traffic
