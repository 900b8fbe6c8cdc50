package words

// guestFindings are the sentences about bridges with guests.
var guestFindings = []entry{
	{"bridge-follows-guests", "the MAC address of {device} follows its guests: it is the lowest one of its ports, and changes when a guest with a lower one starts or stops (guests: {guests}{more?, {more} more}){guest?; now it is that of {guest}}{ports?; the network then sees the host under another address}"},
	{"bridge-will-follow-guests", "the MAC address of {device} will follow its guests: it will be the lowest one of its ports, and change when a guest with a lower one starts or stops (guests: {guests}{more?, {more} more}){ports?; the network then sees the host under another address}"},
}
