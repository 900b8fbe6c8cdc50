package host

import "context"

// ListDevices lists the network devices with one question to the kernel, which needs no
// rights. A Device has only what the answer has: Index, Name, AltNames, Kind and more. It
// is for suggestions; Collect reads more.
func ListDevices(ctx context.Context) ([]Device, error) {
	links, _, err := dumpLinks(ctx, linkFilter{}, nil)
	if err != nil {
		return nil, err
	}
	devices := make([]Device, 0, len(links))
	for _, l := range links {
		devices = append(devices, l.Device)
	}
	return devices, nil
}
