// The one thing that Knative's channel dispatcher has no setting for: its ports.
//
// build.sh compiles this file together with Knative's own sources, from which it takes the two constants away. With them
// the program listens on 8080 and 8443, which one test at a time could have.

package main

import (
	"log"
	"os"
	"strconv"
)

var (
	httpPort  = port("DISPATCHER_PORT")
	httpsPort = port("DISPATCHER_PORT_HTTPS")
)

func port(variable string) int {
	number, err := strconv.Atoi(os.Getenv(variable))
	if err != nil {
		log.Fatal(variable, ": ", err)
	}
	return number
}
