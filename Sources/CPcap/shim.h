#include <pcap/pcap.h>
#include <linux/capability.h>

// glibc has this one without a header of its own: that is libcap's, which is not needed for anything else.
extern int capset(cap_user_header_t header, const cap_user_data_t data);

// And this one is declared for _GNU_SOURCE alone (fcntl.h): room on the disk behind the end of a file.
#include <linux/falloc.h>
#include <sys/types.h>
extern int fallocate(int descriptor, int mode, off_t offset, off_t length);
