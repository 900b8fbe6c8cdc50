package words

// guestFindings are the sentences about bridges that guests are plugged into.
var guestFindings = []entry{
	{"bridge-follows-guests", "{device} follows its guests: it has no address of its own but the lowest of its ports', and changes it when a guest with a lower one starts or stops (guests: {guests}{more?, {more} more}){guest?; it has that of {guest} now}{ports?; the network then knows the host by another address}"},
	{"bridge-will-follow-guests", "{device} will follow its guests: it has no address of its own but the lowest of its ports', and changes it when a guest with a lower one starts or stops (guests: {guests}{more?, {more} more}){ports?; the network then knows the host by another address}"},
}
