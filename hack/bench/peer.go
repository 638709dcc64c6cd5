package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/manager/signals"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// peer is a plain Go operator, to compare ours with. It mints a value into a Secret and writes one
// condition; it does not rotate, warn or heal. The library's defaults hold, except that it has no
// rate limit, eight workers and no metrics server.
type peer struct{ client.Client }

// runPeer runs the Go operator until SIGTERM. The library logs "Starting workers" once its caches
// are filled.
func runPeer(kubeconfig string) error {
	log.SetLogger(klog.NewKlogr())
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	options := manager.Options{Scheme: peerScheme(), Metrics: server.Options{BindAddress: "0"}}
	m, err := manager.New(config, options)
	if err != nil {
		return err
	}
	err = builder.ControllerManagedBy(m).For(&apiToken{}).Owns(&corev1.Secret{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: 8}).Complete(peer{m.GetClient()})
	if err != nil {
		return err
	}
	return m.Start(signals.SetupSignalHandler())
}

// Reconcile reads from caches. If they are behind the last write, the API server answers with a
// conflict, and the library calls Reconcile again.
func (p peer) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var token apiToken
	if err := p.Get(ctx, request.NamespacedName, &token); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if meta.IsStatusConditionTrue(token.Status.Conditions, "Ready") {
		return reconcile.Result{}, nil
	}
	var secret corev1.Secret
	err := p.Get(ctx, request.NamespacedName, &secret)
	if apierrors.IsNotFound(err) {
		err = p.createSecret(ctx, &token, &secret)
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	issued := metav1.Now()
	token.Status.ObservedGeneration = token.Generation
	token.Status.TokenHash = fmt.Sprintf("sha256:%x", sha256.Sum256(secret.Data["token"]))
	token.Status.IssuedAt = issued
	token.Status.ExpiresAt = metav1.NewTime(issued.Add(365 * 24 * time.Hour))
	meta.SetStatusCondition(&token.Status.Conditions, metav1.Condition{
		Type: "Ready", Status: metav1.ConditionTrue, ObservedGeneration: token.Generation,
		Reason: "Issued", Message: "The token is in its Secret.",
	})
	return reconcile.Result{}, p.Status().Update(ctx, &token)
}

func (p peer) createSecret(ctx context.Context, token *apiToken, secret *corev1.Secret) error {
	*secret = corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: token.Name, Namespace: token.Namespace,
			Labels: map[string]string{"app.kubernetes.io/managed-by": "apitoken-operator"},
		},
		Data: map[string][]byte{"token": []byte("apt_" + rand.Text() + rand.Text()[:20])},
	}
	if err := controllerutil.SetControllerReference(token, secret, p.Scheme()); err != nil {
		return err
	}
	return p.Create(ctx, secret)
}
