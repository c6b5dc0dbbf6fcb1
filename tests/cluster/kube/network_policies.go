package main

import (
	"flag"
	"sync"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// runNetworkPolicies enforces network policies on a node: the firewall of kube-router, without its
// routes and services, for which the cluster has other parts.
func runNetworkPolicies() {
	klog.InitFlags(nil)
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	node := flag.String("node", "", "name of this node")
	services := flag.String("services", "", "range of the services' addresses, as a CIDR")
	flag.Parse()

	client, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	exitOn(err)
	informer := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(client), 0)
	pods := informer.Core().V1().Pods().Informer()
	namespaces := informer.Core().V1().Namespaces().Informer()
	policies := informer.Networking().V1().NetworkPolicies().Informer()
	stop := make(chan struct{})
	informer.Start(stop)
	informer.WaitForCacheSync(stop)

	config := options.NewKubeRouterConfig()
	config.EnableIPv4 = true
	config.HostnameOverride = *node
	config.ClusterIPCIDRs = []string{*services}
	config.IPTablesSyncPeriod = time.Minute
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	exitOn(err)
	controller, err := netpol.NewNetworkPolicyController(kubernetes.NewForConfigOrDie(client),
		config, pods, policies, namespaces, &sync.Mutex{}, tables, sets)
	exitOn(err)
	_, err = pods.AddEventHandler(controller.PodEventHandler)
	exitOn(err)
	_, err = namespaces.AddEventHandler(controller.NamespaceEventHandler)
	exitOn(err)
	_, err = policies.AddEventHandler(controller.NetworkPolicyEventHandler)
	exitOn(err)

	// Its heartbeats are for a health check that nobody asks here.
	heartbeats := make(chan *healthcheck.ControllerHeartbeat)
	go func() {
		for range heartbeats {
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	controller.Run(heartbeats, stop, &running)
}

func exitOn(err error) {
	if err != nil {
		klog.Fatal(err)
	}
}
