;; guix build -f packaging/guix/nnmpi.scm, or guix shell -f: of this checkout.
(define-module (nnmpi)
  #:use-module (guix build-system cmake)
  #:use-module (guix gexp)
  #:use-module (guix git-download)
  #:use-module ((guix licenses) #:prefix license:)
  #:use-module (guix packages)
  #:use-module (gnu packages compression)
  #:use-module (gnu packages serialization)
  #:use-module (gnu packages gcc)
  #:use-module (gnu packages image)
  #:use-module (gnu packages maths)
  #:use-module (gnu packages mpi)
  #:use-module (gnu packages ninja)
  #:use-module (gnu packages pkg-config)
  #:use-module (gnu packages tls)
  #:use-module (gnu packages web))

(define sources (dirname (dirname (dirname (current-filename)))))

(define-public nnmpi
  (package
    (name "nnmpi")
    (version "0.1.0")
    (source (local-file sources "nnmpi-checkout" #:recursive? #t
                        #:select? (git-predicate sources)))
    (build-system cmake-build-system)
    (arguments
     (list #:generator "Ninja"
           #:tests? #f                  ;scripts/test.sh takes half an hour
           #:configure-flags
           #~(list "-DNNMPI_TESTS=OFF" "-DNNMPI_PYTHON=OFF"
                   ;; The OpenBLAS of Guix has threads of its own.
                   "-DBLA_VENDOR=FLAME" "-DNNMPI_ONEDNN=OFF")))
    (native-inputs (list gfortran ninja pkg-config))
    (inputs (list blis hdf5 libcsv libjpeg-turbo libpng libyaml openmpi openssl zlib))
    (home-page #f)
    (synopsis "Data-parallel training of neural networks on CPU clusters")
    (description
     "Trains neural networks on the processors of one machine or of a cluster
that runs MPI: ranks work on shards of each minibatch, and gradients are summed
in shared memory within a node and by MPI between nodes.")
    (license (list license:bsd-3 license:expat))))

nnmpi
