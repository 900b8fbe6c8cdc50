package address_test

import (
	"fmt"

	"linkaudit/linkfiles"
	"linkaudit/policy/address"
	"linkaudit/policy/life"
)

// The address that MACAddressPolicy=persistent gives to a bond, and when.
func Example() {
	id, err := linkfiles.ParseMachineID("0123456789abcdef0123456789abcdef")
	if err != nil {
		panic(err)
	}
	bond := address.Facts{
		Name: "bond0", ARPHRD: address.Ether, MAC: "02:00:00:00:00:01",
		Names:     linkfiles.Known(map[string]string{}),
		Scheme:    linkfiles.Known("v257"),
		MachineID: linkfiles.Known(id),
	}
	persistent := address.Persistent(257, bond)
	event := address.AddEvent{Release: 257, Policy: "persistent", Assign: linkfiles.Known(life.Random), Device: bond, Persistent: persistent}
	action, _ := event.Action().Get()
	fmt.Println("the kernel made its address up:", action.Do, action.MAC)

	event.Assign = linkfiles.Known(life.Stolen)
	action, _ = event.Action().Get()
	fmt.Println("it has a port's:", action.Do)
	// Output:
	// the kernel made its address up: set 96:85:c5:ce:a2:4b
	// it has a port's: leave
}
