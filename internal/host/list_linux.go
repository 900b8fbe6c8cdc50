package host

import "context"

// ListDevices lists the network devices by one question to the kernel, which
// needs no rights: Index, Name, AltNames, Kind and what else of a Device stands
// in the answer. It is for suggestions; Collect looks closer.
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
