package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// runProvisioner makes a directory for each persistent volume claim. All nodes see it, as they see
// a network's storage; where the storage class says local=true, only pods on the node that the
// claim's first pod is scheduled to.
func runProvisioner() {
	klog.InitFlags(nil)
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	directory := flag.String("directory", "", "where the volumes are")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	exitOn(err)
	ctx := klog.NewContext(context.Background(), klog.Background())
	controller.NewProvisionController(ctx, kubernetes.NewForConfigOrDie(config),
		"mosshub.test/directory", directories(*directory), controller.LeaderElection(false)).Run(ctx)
}

type directories string

func (root directories) Provision(_ context.Context, claim controller.ProvisionOptions) (
	*core.PersistentVolume, controller.ProvisioningState, error) {
	path := filepath.Join(string(root), claim.PVName)
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	// Of the user that all our images have.
	if err := os.Chown(path, 1000, 1000); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	on := core.NodeSelectorRequirement{Key: core.LabelOSStable, Operator: core.NodeSelectorOpExists}
	if claim.StorageClass.Parameters["local"] == "true" {
		on = core.NodeSelectorRequirement{Key: core.LabelHostname, Operator: core.NodeSelectorOpIn,
			Values: []string{claim.SelectedNodeName}}
	}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: claim.PVName},
		Spec: core.PersistentVolumeSpec{
			AccessModes: claim.PVC.Spec.AccessModes,
			Capacity: core.ResourceList{
				core.ResourceStorage: claim.PVC.Spec.Resources.Requests[core.ResourceStorage],
			},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{
				NodeSelectorTerms: []core.NodeSelectorTerm{
					{MatchExpressions: []core.NodeSelectorRequirement{on}},
				},
			}},
			PersistentVolumeReclaimPolicy: *claim.StorageClass.ReclaimPolicy,
			PersistentVolumeSource: core.PersistentVolumeSource{
				Local: &core.LocalVolumeSource{Path: path},
			},
		},
	}, controller.ProvisioningFinished, nil
}

func (root directories) Delete(_ context.Context, volume *core.PersistentVolume) error {
	return os.RemoveAll(filepath.Join(string(root), volume.Name))
}
