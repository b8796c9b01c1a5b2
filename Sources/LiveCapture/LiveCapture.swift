// The edge towards the network: packets from an interface, through libpcap.
//
// Packets go through the same machines as those of a file. What is here opens an interface, hands packets on with
// their number, time and link type, counts what the kernel dropped, and writes what is to be kept.

internal import CPcap
