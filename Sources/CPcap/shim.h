#include <pcap/pcap.h>
#include <linux/capability.h>

// glibc has this one without a header of its own: that is libcap's, which is not needed for anything else.
extern int capset(cap_user_header_t header, const cap_user_data_t data);
