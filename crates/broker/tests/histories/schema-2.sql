-- A store as version 0.1.0 left it: runs that succeeded, failed and were cancelled, one whose broker was killed.
-- Its secret is sealed with the key that tests/histories.rs has.
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE ledger (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        run TEXT NOT NULL REFERENCES run (id),
        at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
INSERT INTO "ledger" VALUES(1,'fund:sky-example-ngjj51','sky-example-ngjj51',1795770529531,'{"run":"sky-example-ngjj51","entry":"fund","amount":60000000000}');
INSERT INTO "ledger" VALUES(2,'hold:sky-example-ngjj51-t0-a1-7ce6972eee','sky-example-ngjj51',1795770529539,'{"run":"sky-example-ngjj51","entry":"hold","lease":"sky-example-ngjj51-t0-a1-7ce6972eee","amount":172000000}');
INSERT INTO "ledger" VALUES(3,'charge:9c8aeacf6afc2586105849c71152af15','sky-example-ngjj51',1795770529939,'{"run":"sky-example-ngjj51","entry":"charge","event":{"run":"sky-example-ngjj51","task":"clean","subject":"sky-example-ngjj51-t0-a1-7ce6972eee","place":{"provider":"azure","region":"eastus2","zone":null},"nature":"emulated","from":1795770529544,"to":1795770529891,"usage":{"vm":{"instance_type":"Standard_DC8as_v5","nodes":1,"since":1795770529544,"hourly":344000000,"terms":{"minimum":60000,"increment":1000}}},"cost":5733333}}');
INSERT INTO "ledger" VALUES(4,'void:sky-example-ngjj51-t0-a1-7ce6972eee','sky-example-ngjj51',1795770529939,'{"run":"sky-example-ngjj51","entry":"void","lease":"sky-example-ngjj51-t0-a1-7ce6972eee"}');
INSERT INTO "ledger" VALUES(5,'hold:sky-example-ngjj51-t1-a1-7ce6972eee','sky-example-ngjj51',1795770529939,'{"run":"sky-example-ngjj51","entry":"hold","lease":"sky-example-ngjj51-t1-a1-7ce6972eee","amount":28800000000}');
INSERT INTO "ledger" VALUES(6,'charge:a767a84ed24617de934f1606b405d8a0','sky-example-ngjj51',1795770529989,'{"run":"sky-example-ngjj51","entry":"charge","event":{"run":"sky-example-ngjj51","task":"train","subject":"sky-example-ngjj51-t1-a1-7ce6972eee:inputs/patients","place":{"provider":"azure","region":"eastus2","zone":null},"nature":"emulated","from":1795770529989,"to":1795770529989,"usage":{"egress":{"to":{"provider":"gcp","region":"us-central1","zone":"us-central1-a"},"bytes":255182}},"cost":0}}');
INSERT INTO "ledger" VALUES(7,'charge:f63807605954a2e5d8f1657bb777a030','sky-example-ngjj51',1795770532768,'{"run":"sky-example-ngjj51","entry":"charge","event":{"run":"sky-example-ngjj51","task":"train","subject":"sky-example-ngjj51-t1-a1-7ce6972eee","place":{"provider":"gcp","region":"us-central1","zone":"us-central1-a"},"nature":"emulated","from":1795770529947,"to":1795770532762,"usage":{"vm":{"instance_type":"v5litepod-8","nodes":1,"since":1795770529947,"hourly":9600000000,"terms":{"minimum":60000,"increment":1000}}},"cost":160000000}}');
INSERT INTO "ledger" VALUES(8,'void:sky-example-ngjj51-t1-a1-7ce6972eee','sky-example-ngjj51',1795770532768,'{"run":"sky-example-ngjj51","entry":"void","lease":"sky-example-ngjj51-t1-a1-7ce6972eee"}');
INSERT INTO "ledger" VALUES(9,'hold:sky-example-ngjj51-t2-a1-7ce6972eee','sky-example-ngjj51',1795770532768,'{"run":"sky-example-ngjj51","entry":"hold","lease":"sky-example-ngjj51-t2-a1-7ce6972eee","amount":1516400000}');
INSERT INTO "ledger" VALUES(10,'charge:937ed8dd3d6a175cb3e7c3cdd8467dbd','sky-example-ngjj51',1795770532780,'{"run":"sky-example-ngjj51","entry":"charge","event":{"run":"sky-example-ngjj51","task":"infer","subject":"sky-example-ngjj51-t2-a1-7ce6972eee:inputs/model","place":{"provider":"gcp","region":"us-central1","zone":"us-central1-a"},"nature":"emulated","from":1795770532780,"to":1795770532780,"usage":{"egress":{"to":{"provider":"aws","region":"us-east-1","zone":"us-east-1a"},"bytes":78}},"cost":9}}');
INSERT INTO "ledger" VALUES(11,'charge:9e5e227f52f38bae8048abfb665e4c25','sky-example-ngjj51',1795770532782,'{"run":"sky-example-ngjj51","entry":"charge","event":{"run":"sky-example-ngjj51","task":"infer","subject":"sky-example-ngjj51-t2-a1-7ce6972eee:inputs/patients","place":{"provider":"azure","region":"eastus2","zone":null},"nature":"emulated","from":1795770532782,"to":1795770532782,"usage":{"egress":{"to":{"provider":"aws","region":"us-east-1","zone":"us-east-1a"},"bytes":63786}},"cost":0}}');
INSERT INTO "ledger" VALUES(12,'charge:7aa2ee514fc0acea89f74fd464f066f6','sky-example-ngjj51',1795770532968,'{"run":"sky-example-ngjj51","entry":"charge","event":{"run":"sky-example-ngjj51","task":"infer","subject":"sky-example-ngjj51-t2-a1-7ce6972eee","place":{"provider":"aws","region":"us-east-1","zone":"us-east-1a"},"nature":"emulated","from":1795770532769,"to":1795770532964,"usage":{"vm":{"instance_type":"inf2.xlarge","nodes":1,"since":1795770532769,"hourly":758200000,"terms":{"minimum":60000,"increment":1000}}},"cost":12636667}}');
INSERT INTO "ledger" VALUES(13,'void:sky-example-ngjj51-t2-a1-7ce6972eee','sky-example-ngjj51',1795770532968,'{"run":"sky-example-ngjj51","entry":"void","lease":"sky-example-ngjj51-t2-a1-7ce6972eee"}');
INSERT INTO "ledger" VALUES(14,'hold:fails-ngjj55-t0-a1-7ce6972eee','fails-ngjj55',1795770533015,'{"run":"fails-ngjj55","entry":"hold","lease":"fails-ngjj55-t0-a1-7ce6972eee","amount":0}');
INSERT INTO "ledger" VALUES(15,'hold:fails-ngjj55-t1-a1-7ce6972eee','fails-ngjj55',1795770533052,'{"run":"fails-ngjj55","entry":"hold","lease":"fails-ngjj55-t1-a1-7ce6972eee","amount":175513}');
INSERT INTO "ledger" VALUES(16,'charge:42d6bffcbc3a03dab4a44e2fba3c9056','fails-ngjj55',1795770533061,'{"run":"fails-ngjj55","entry":"charge","event":{"run":"fails-ngjj55","task":"make","subject":"fails-ngjj55-t0-a1-7ce6972eee","place":{"provider":"local","region":"localhost","zone":null},"nature":"local","from":1795770533016,"to":1795770533052,"usage":{"vm":{"instance_type":"machine","nodes":1,"since":1795770533016,"hourly":0,"terms":{"minimum":0,"increment":0}}},"cost":0}}');
INSERT INTO "ledger" VALUES(17,'void:fails-ngjj55-t0-a1-7ce6972eee','fails-ngjj55',1795770533061,'{"run":"fails-ngjj55","entry":"void","lease":"fails-ngjj55-t0-a1-7ce6972eee"}');
INSERT INTO "ledger" VALUES(18,'charge:0457e1e8895c6f5bf28411ea6dadbdd9','fails-ngjj55',1795770533064,'{"run":"fails-ngjj55","entry":"charge","event":{"run":"fails-ngjj55","task":"use","subject":"fails-ngjj55-t1-a1-7ce6972eee:inputs/o","place":{"provider":"local","region":"localhost","zone":null},"nature":"local","from":1795770533064,"to":1795770533064,"usage":{"egress":{"to":{"provider":"azure","region":"centralindia","zone":null},"bytes":5}},"cost":0}}');
INSERT INTO "ledger" VALUES(19,'charge:5581d4369ba18a4a7d85e43f34725722','fails-ngjj55',1795770533252,'{"run":"fails-ngjj55","entry":"charge","event":{"run":"fails-ngjj55","task":"use","subject":"fails-ngjj55-t1-a1-7ce6972eee","place":{"provider":"azure","region":"centralindia","zone":null},"nature":"emulated","from":1795770533053,"to":1795770533244,"usage":{"vm":{"instance_type":"Standard_D2as_v5","nodes":1,"since":1795770533053,"hourly":10500000,"terms":{"minimum":60000,"increment":1000}}},"cost":175000}}');
INSERT INTO "ledger" VALUES(20,'void:fails-ngjj55-t1-a1-7ce6972eee','fails-ngjj55',1795770533252,'{"run":"fails-ngjj55","entry":"void","lease":"fails-ngjj55-t1-a1-7ce6972eee"}');
INSERT INTO "ledger" VALUES(21,'fund:waits-ngjj55','waits-ngjj55',1795770533281,'{"run":"waits-ngjj55","entry":"fund","amount":20000000000}');
INSERT INTO "ledger" VALUES(22,'hold:waits-ngjj55-t0-a1-7ce6972eee','waits-ngjj55',1795770533285,'{"run":"waits-ngjj55","entry":"hold","lease":"waits-ngjj55-t0-a1-7ce6972eee","amount":0}');
INSERT INTO "ledger" VALUES(23,'charge:729dcf9d486ca047d3e880c16c6c38f3','waits-ngjj55',1795770533328,'{"run":"waits-ngjj55","entry":"charge","event":{"run":"waits-ngjj55","task":"first","subject":"waits-ngjj55-t0-a1-7ce6972eee","place":{"provider":"local","region":"localhost","zone":null},"nature":"local","from":1795770533286,"to":1795770533323,"usage":{"vm":{"instance_type":"machine","nodes":1,"since":1795770533286,"hourly":0,"terms":{"minimum":0,"increment":0}}},"cost":0}}');
INSERT INTO "ledger" VALUES(24,'void:waits-ngjj55-t0-a1-7ce6972eee','waits-ngjj55',1795770533328,'{"run":"waits-ngjj55","entry":"void","lease":"waits-ngjj55-t0-a1-7ce6972eee"}');
INSERT INTO "ledger" VALUES(25,'hold:waits-ngjj55-t1-a1-7ce6972eee','waits-ngjj55',1795770533328,'{"run":"waits-ngjj55","entry":"hold","lease":"waits-ngjj55-t1-a1-7ce6972eee","amount":0}');
INSERT INTO "ledger" VALUES(26,'charge:0ade880de25323b120f6761880f2f84b','waits-ngjj55',1795770537839,'{"run":"waits-ngjj55","entry":"charge","event":{"run":"waits-ngjj55","task":"second","subject":"waits-ngjj55-t1-a1-7ce6972eee","place":{"provider":"local","region":"localhost","zone":null},"nature":"local","from":1795770533329,"to":1795770537803,"usage":{"vm":{"instance_type":"machine","nodes":1,"since":1795770533329,"hourly":0,"terms":{"minimum":0,"increment":0}}},"cost":0}}');
INSERT INTO "ledger" VALUES(27,'void:waits-ngjj55-t1-a1-7ce6972eee','waits-ngjj55',1795770537839,'{"run":"waits-ngjj55","entry":"void","lease":"waits-ngjj55-t1-a1-7ce6972eee"}');
INSERT INTO "ledger" VALUES(28,'fund:waits-ngjj59','waits-ngjj59',1795770537912,'{"run":"waits-ngjj59","entry":"fund","amount":20000000000}');
INSERT INTO "ledger" VALUES(29,'hold:waits-ngjj59-t0-a1-7ce6972eee','waits-ngjj59',1795770537923,'{"run":"waits-ngjj59","entry":"hold","lease":"waits-ngjj59-t0-a1-7ce6972eee","amount":0}');
INSERT INTO "ledger" VALUES(30,'charge:197d0d5f8b72ebebfae93899daff853b','waits-ngjj59',1795770538031,'{"run":"waits-ngjj59","entry":"charge","event":{"run":"waits-ngjj59","task":"first","subject":"waits-ngjj59-t0-a1-7ce6972eee","place":{"provider":"local","region":"localhost","zone":null},"nature":"local","from":1795770537927,"to":1795770537993,"usage":{"vm":{"instance_type":"machine","nodes":1,"since":1795770537927,"hourly":0,"terms":{"minimum":0,"increment":0}}},"cost":0}}');
INSERT INTO "ledger" VALUES(31,'void:waits-ngjj59-t0-a1-7ce6972eee','waits-ngjj59',1795770538031,'{"run":"waits-ngjj59","entry":"void","lease":"waits-ngjj59-t0-a1-7ce6972eee"}');
INSERT INTO "ledger" VALUES(32,'hold:waits-ngjj59-t1-a1-7ce6972eee','waits-ngjj59',1795770538031,'{"run":"waits-ngjj59","entry":"hold","lease":"waits-ngjj59-t1-a1-7ce6972eee","amount":0}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO "meta" VALUES('salt','7ce6972eee');
INSERT INTO "meta" VALUES('owner','welkin-7ce6972eee');
CREATE TABLE moved (
        month INTEGER NOT NULL,
        source TEXT NOT NULL,
        target TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (month, source, target)
    ) STRICT, WITHOUT ROWID;
INSERT INTO "moved" VALUES(24322,'{"provider":"azure","region":"eastus2","zone":null}','{"provider":"aws","region":"us-east-1","zone":"us-east-1a"}',63786);
INSERT INTO "moved" VALUES(24322,'{"provider":"azure","region":"eastus2","zone":null}','{"provider":"gcp","region":"us-central1","zone":"us-central1-a"}',255182);
INSERT INTO "moved" VALUES(24322,'{"provider":"gcp","region":"us-central1","zone":"us-central1-a"}','{"provider":"aws","region":"us-east-1","zone":"us-east-1a"}',78);
INSERT INTO "moved" VALUES(24322,'{"provider":"local","region":"localhost","zone":null}','{"provider":"azure","region":"centralindia","zone":null}',5);
CREATE TABLE node_event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES run (id),
        task INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        phase TEXT NOT NULL,
        rank INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        stream TEXT,
        body TEXT NOT NULL,
        UNIQUE (run, task, attempt, phase, rank, seq)
    ) STRICT;
INSERT INTO "node_event" VALUES(1,'sky-example-ngjj51',0,1,'prepare',0,0,1795770529719,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(2,'sky-example-ngjj51',0,1,'prepare',0,1,1795770529726,NULL,'{"event":"fetched","path":"sky_workdir","bytes":4319}');
INSERT INTO "node_event" VALUES(3,'sky-example-ngjj51',0,1,'prepare',0,2,1795770529731,NULL,'{"event":"fetched","path":"inputs/raw","bytes":161629}');
INSERT INTO "node_event" VALUES(4,'sky-example-ngjj51',0,1,'prepare',0,3,1795770529731,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(5,'sky-example-ngjj51',0,1,'run',0,0,1795770529743,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(6,'sky-example-ngjj51',0,1,'run',0,1,1795770529763,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(7,'sky-example-ngjj51',0,1,'run',0,2,1795770529776,'stdout','reading 6302 lines');
INSERT INTO "node_event" VALUES(8,'sky-example-ngjj51',0,1,'run',0,3,1795770529871,'stdout','dropped 0 malformed and 301 repeated rows, filled 1259 missing values');
INSERT INTO "node_event" VALUES(9,'sky-example-ngjj51',0,1,'run',0,4,1795770529876,'stdout','train on 4800 rows, test on 1200');
INSERT INTO "node_event" VALUES(10,'sky-example-ngjj51',0,1,'run',0,5,1795770529878,NULL,'{"event":"published","name":"test","digest":"29cfd19cf6a472d8f323c23c24ce83dd10bd4777b2999a813b893a781218fda9","bytes":63786,"files":1}');
INSERT INTO "node_event" VALUES(11,'sky-example-ngjj51',0,1,'run',0,6,1795770529879,NULL,'{"event":"published","name":"train","digest":"8ca12b5155d30c74c5e4a5e6c28f5d4f1baab13f453703709bfd597d31edc4b0","bytes":255182,"files":1}');
INSERT INTO "node_event" VALUES(12,'sky-example-ngjj51',0,1,'run',0,7,1795770529879,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(13,'sky-example-ngjj51',1,1,'prepare',0,0,1795770530119,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(14,'sky-example-ngjj51',1,1,'prepare',0,1,1795770530123,NULL,'{"event":"fetched","path":"sky_workdir","bytes":4319}');
INSERT INTO "node_event" VALUES(15,'sky-example-ngjj51',1,1,'prepare',0,2,1795770530134,NULL,'{"event":"fetched","path":"inputs/patients","bytes":255182}');
INSERT INTO "node_event" VALUES(16,'sky-example-ngjj51',1,1,'prepare',0,3,1795770530134,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(17,'sky-example-ngjj51',1,1,'run',0,0,1795770530152,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(18,'sky-example-ngjj51',1,1,'run',0,1,1795770530179,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(19,'sky-example-ngjj51',1,1,'run',0,2,1795770532756,'stdout','epoch   1: loss 0.6931');
INSERT INTO "node_event" VALUES(20,'sky-example-ngjj51',1,1,'run',0,3,1795770532756,'stdout','epoch  20: loss 0.3530');
INSERT INTO "node_event" VALUES(21,'sky-example-ngjj51',1,1,'run',0,4,1795770532756,'stdout','epoch  40: loss 0.3430');
INSERT INTO "node_event" VALUES(22,'sky-example-ngjj51',1,1,'run',0,5,1795770532756,'stdout','epoch  60: loss 0.3412');
INSERT INTO "node_event" VALUES(23,'sky-example-ngjj51',1,1,'run',0,6,1795770532756,'stdout','trained on 4800 rows');
INSERT INTO "node_event" VALUES(24,'sky-example-ngjj51',1,1,'run',0,7,1795770532759,NULL,'{"event":"published","name":"model","digest":"c9824b946487fb9991e6d84ff1c5587e00c77fbd06aa13355e568d79e35efe8d","bytes":78,"files":1}');
INSERT INTO "node_event" VALUES(25,'sky-example-ngjj51',1,1,'run',0,8,1795770532759,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(26,'sky-example-ngjj51',2,1,'prepare',0,0,1795770532933,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(27,'sky-example-ngjj51',2,1,'prepare',0,1,1795770532935,NULL,'{"event":"fetched","path":"sky_workdir","bytes":4319}');
INSERT INTO "node_event" VALUES(28,'sky-example-ngjj51',2,1,'prepare',0,2,1795770532936,NULL,'{"event":"fetched","path":"inputs/model","bytes":78}');
INSERT INTO "node_event" VALUES(29,'sky-example-ngjj51',2,1,'prepare',0,3,1795770532937,NULL,'{"event":"fetched","path":"inputs/patients","bytes":63786}');
INSERT INTO "node_event" VALUES(30,'sky-example-ngjj51',2,1,'prepare',0,4,1795770532937,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(31,'sky-example-ngjj51',2,1,'run',0,0,1795770532939,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(32,'sky-example-ngjj51',2,1,'run',0,1,1795770532955,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(33,'sky-example-ngjj51',2,1,'run',0,2,1795770532960,'stdout','patient 1: risk 0.02, readmitted: no');
INSERT INTO "node_event" VALUES(34,'sky-example-ngjj51',2,1,'run',0,3,1795770532960,'stdout','patient 2: risk 0.62, readmitted: yes');
INSERT INTO "node_event" VALUES(35,'sky-example-ngjj51',2,1,'run',0,4,1795770532960,'stdout','patient 3: risk 0.27, readmitted: no');
INSERT INTO "node_event" VALUES(36,'sky-example-ngjj51',2,1,'run',0,5,1795770532960,'stdout','patient 4: risk 0.20, readmitted: yes');
INSERT INTO "node_event" VALUES(37,'sky-example-ngjj51',2,1,'run',0,6,1795770532960,'stdout','patient 5: risk 0.00, readmitted: no');
INSERT INTO "node_event" VALUES(38,'sky-example-ngjj51',2,1,'run',0,7,1795770532960,'stdout','accuracy: 82.6 % of 1200 patients (always saying the commoner answer: 54.6 %)');
INSERT INTO "node_event" VALUES(39,'sky-example-ngjj51',2,1,'run',0,8,1795770532962,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(40,'fails-ngjj55',0,1,'run',0,0,1795770533026,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(41,'fails-ngjj55',0,1,'run',0,1,1795770533043,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(42,'fails-ngjj55',0,1,'run',0,2,1795770533048,'stdout','****');
INSERT INTO "node_event" VALUES(43,'fails-ngjj55',0,1,'run',0,3,1795770533050,NULL,'{"event":"published","name":"o","digest":"e4ad87af9911457358dc29e1026e034aed21e5a14a7280d3cd3c370b574f24aa","bytes":5,"files":1}');
INSERT INTO "node_event" VALUES(44,'fails-ngjj55',0,1,'run',0,4,1795770533050,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(45,'fails-ngjj55',1,1,'prepare',0,0,1795770533217,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(46,'fails-ngjj55',1,1,'prepare',0,1,1795770533218,NULL,'{"event":"fetched","path":"inputs/o","bytes":5}');
INSERT INTO "node_event" VALUES(47,'fails-ngjj55',1,1,'prepare',0,2,1795770533218,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(48,'fails-ngjj55',1,1,'run',0,0,1795770533221,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(49,'fails-ngjj55',1,1,'run',0,1,1795770533239,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(50,'fails-ngjj55',1,1,'run',0,2,1795770533241,NULL,'{"event":"finished","exit":{"exit":"code","code":3}}');
INSERT INTO "node_event" VALUES(51,'waits-ngjj55',0,1,'run',0,0,1795770533296,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(52,'waits-ngjj55',0,1,'run',0,1,1795770533315,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(53,'waits-ngjj55',0,1,'run',0,2,1795770533320,NULL,'{"event":"published","name":"o","digest":"6d687d6848b6960348b2b788ed3b448979bef10cc4d89b20f159665e966350a4","bytes":4,"files":1}');
INSERT INTO "node_event" VALUES(54,'waits-ngjj55',0,1,'run',0,3,1795770533320,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(55,'waits-ngjj55',1,1,'prepare',0,0,1795770533342,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(56,'waits-ngjj55',1,1,'prepare',0,1,1795770533343,NULL,'{"event":"fetched","path":"inputs/o","bytes":4}');
INSERT INTO "node_event" VALUES(57,'waits-ngjj55',1,1,'prepare',0,2,1795770533343,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(58,'waits-ngjj55',1,1,'run',0,0,1795770533345,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(59,'waits-ngjj55',1,1,'run',0,1,1795770533363,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(60,'waits-ngjj55',1,1,'run',0,2,1795770533369,'stdout','****');
INSERT INTO "node_event" VALUES(61,'waits-ngjj59',0,1,'run',0,0,1795770537957,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(62,'waits-ngjj59',0,1,'run',0,1,1795770537979,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(63,'waits-ngjj59',0,1,'run',0,2,1795770537987,NULL,'{"event":"published","name":"o","digest":"6d687d6848b6960348b2b788ed3b448979bef10cc4d89b20f159665e966350a4","bytes":4,"files":1}');
INSERT INTO "node_event" VALUES(64,'waits-ngjj59',0,1,'run',0,3,1795770537987,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(65,'waits-ngjj59',1,1,'prepare',0,0,1795770538086,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(66,'waits-ngjj59',1,1,'prepare',0,1,1795770538091,NULL,'{"event":"fetched","path":"inputs/o","bytes":4}');
INSERT INTO "node_event" VALUES(67,'waits-ngjj59',1,1,'prepare',0,2,1795770538091,NULL,'{"event":"finished","exit":{"exit":"success"}}');
INSERT INTO "node_event" VALUES(68,'waits-ngjj59',1,1,'run',0,0,1795770538097,NULL,'{"event":"started"}');
INSERT INTO "node_event" VALUES(69,'waits-ngjj59',1,1,'run',0,1,1795770538111,NULL,'{"event":"script_started"}');
INSERT INTO "node_event" VALUES(70,'waits-ngjj59',1,1,'run',0,2,1795770538114,'stdout','****');
CREATE TABLE provider_used (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO "provider_used" VALUES('aws');
INSERT INTO "provider_used" VALUES('azure');
INSERT INTO "provider_used" VALUES('gcp');
INSERT INTO "provider_used" VALUES('local');
CREATE TABLE record (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL REFERENCES run (id),
        at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
INSERT INTO "record" VALUES(1,'sky-example-ngjj51',1795770529536,'{"record":"run_started"}');
INSERT INTO "record" VALUES(2,'sky-example-ngjj51',1795770529539,'{"record":"attempt_began","attempt":{"task":0,"number":1},"placement":0,"nature":"emulated"}');
INSERT INTO "record" VALUES(3,'sky-example-ngjj51',1795770529570,'{"record":"lease_requested","attempt":{"task":0,"number":1},"lease":"azure-3aa6de833b47d854","started":1795770529544}');
INSERT INTO "record" VALUES(4,'sky-example-ngjj51',1795770529588,'{"record":"data_staged","attempt":{"task":0,"number":1},"path":"sky_workdir","tree":{"prefix":"runs/sky-example-ngjj51/=shared/38f5ac88d85d18618a5728f1ad758a5d","digest":"2ee35a271ec8767040f8a3dda10aeb0d66b47db0fb33045d07c5060aec713eff","bytes":4319},"from":null}');
INSERT INTO "record" VALUES(5,'sky-example-ngjj51',1795770529592,'{"record":"data_staged","attempt":{"task":0,"number":1},"path":"inputs/raw","tree":{"prefix":"runs/sky-example-ngjj51/=shared/8be0d1cbc2cd138e8aa9ea0edc808762","digest":"33d57066c7333a52dec12b9eeca1d84f3210b5391965907d22d0d8e840471f94","bytes":161629},"from":null}');
INSERT INTO "record" VALUES(6,'sky-example-ngjj51',1795770529715,'{"record":"lease_ready","attempt":{"task":0,"number":1},"nodes":[{"rank":0,"address":"127.117.2.53"}]}');
INSERT INTO "record" VALUES(7,'sky-example-ngjj51',1795770529716,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(8,'sky-example-ngjj51',1795770529739,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(9,'sky-example-ngjj51',1795770529879,'{"record":"publish_began","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(10,'sky-example-ngjj51',1795770529883,'{"record":"task_committed","attempt":{"task":0,"number":1},"outputs":{"test":{"prefix":"runs/sky-example-ngjj51/clean/1/test","digest":"29cfd19cf6a472d8f323c23c24ce83dd10bd4777b2999a813b893a781218fda9","bytes":63786},"train":{"prefix":"runs/sky-example-ngjj51/clean/1/train","digest":"8ca12b5155d30c74c5e4a5e6c28f5d4f1baab13f453703709bfd597d31edc4b0","bytes":255182}}}');
INSERT INTO "record" VALUES(11,'sky-example-ngjj51',1795770529883,'{"record":"lease_releasing","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(12,'sky-example-ngjj51',1795770529939,'{"record":"lease_released","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(13,'sky-example-ngjj51',1795770529939,'{"record":"attempt_began","attempt":{"task":1,"number":1},"placement":0,"nature":"emulated"}');
INSERT INTO "record" VALUES(14,'sky-example-ngjj51',1795770529971,'{"record":"lease_requested","attempt":{"task":1,"number":1},"lease":"gcp-3382d6eca2cb52ab","started":1795770529947}');
INSERT INTO "record" VALUES(15,'sky-example-ngjj51',1795770529985,'{"record":"data_staged","attempt":{"task":1,"number":1},"path":"sky_workdir","tree":{"prefix":"runs/sky-example-ngjj51/=shared/38f5ac88d85d18618a5728f1ad758a5d","digest":"2ee35a271ec8767040f8a3dda10aeb0d66b47db0fb33045d07c5060aec713eff","bytes":4319},"from":null}');
INSERT INTO "record" VALUES(16,'sky-example-ngjj51',1795770529989,'{"record":"data_staged","attempt":{"task":1,"number":1},"path":"inputs/patients","tree":{"prefix":"runs/sky-example-ngjj51/=shared/8ca12b5155d30c74c5e4a5e6c28f5d4f1baab13f453703709bfd597d31edc4b0","digest":"8ca12b5155d30c74c5e4a5e6c28f5d4f1baab13f453703709bfd597d31edc4b0","bytes":255182},"from":{"provider":"azure","region":"eastus2","zone":null}}');
INSERT INTO "record" VALUES(17,'sky-example-ngjj51',1795770530113,'{"record":"lease_ready","attempt":{"task":1,"number":1},"nodes":[{"rank":0,"address":"127.110.36.91"}]}');
INSERT INTO "record" VALUES(18,'sky-example-ngjj51',1795770530114,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(19,'sky-example-ngjj51',1795770530143,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(20,'sky-example-ngjj51',1795770532760,'{"record":"publish_began","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(21,'sky-example-ngjj51',1795770532761,'{"record":"task_committed","attempt":{"task":1,"number":1},"outputs":{"model":{"prefix":"runs/sky-example-ngjj51/train/1/model","digest":"c9824b946487fb9991e6d84ff1c5587e00c77fbd06aa13355e568d79e35efe8d","bytes":78}}}');
INSERT INTO "record" VALUES(22,'sky-example-ngjj51',1795770532761,'{"record":"lease_releasing","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(23,'sky-example-ngjj51',1795770532768,'{"record":"lease_released","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(24,'sky-example-ngjj51',1795770532768,'{"record":"attempt_began","attempt":{"task":2,"number":1},"placement":0,"nature":"emulated"}');
INSERT INTO "record" VALUES(25,'sky-example-ngjj51',1795770532775,'{"record":"lease_requested","attempt":{"task":2,"number":1},"lease":"aws-473edf11348d3eb0","started":1795770532769}');
INSERT INTO "record" VALUES(26,'sky-example-ngjj51',1795770532779,'{"record":"data_staged","attempt":{"task":2,"number":1},"path":"sky_workdir","tree":{"prefix":"runs/sky-example-ngjj51/=shared/38f5ac88d85d18618a5728f1ad758a5d","digest":"2ee35a271ec8767040f8a3dda10aeb0d66b47db0fb33045d07c5060aec713eff","bytes":4319},"from":null}');
INSERT INTO "record" VALUES(27,'sky-example-ngjj51',1795770532780,'{"record":"data_staged","attempt":{"task":2,"number":1},"path":"inputs/model","tree":{"prefix":"runs/sky-example-ngjj51/=shared/c9824b946487fb9991e6d84ff1c5587e00c77fbd06aa13355e568d79e35efe8d","digest":"c9824b946487fb9991e6d84ff1c5587e00c77fbd06aa13355e568d79e35efe8d","bytes":78},"from":{"provider":"gcp","region":"us-central1","zone":"us-central1-a"}}');
INSERT INTO "record" VALUES(28,'sky-example-ngjj51',1795770532782,'{"record":"data_staged","attempt":{"task":2,"number":1},"path":"inputs/patients","tree":{"prefix":"runs/sky-example-ngjj51/=shared/29cfd19cf6a472d8f323c23c24ce83dd10bd4777b2999a813b893a781218fda9","digest":"29cfd19cf6a472d8f323c23c24ce83dd10bd4777b2999a813b893a781218fda9","bytes":63786},"from":{"provider":"azure","region":"eastus2","zone":null}}');
INSERT INTO "record" VALUES(29,'sky-example-ngjj51',1795770532931,'{"record":"lease_ready","attempt":{"task":2,"number":1},"nodes":[{"rank":0,"address":"127.93.214.102"}]}');
INSERT INTO "record" VALUES(30,'sky-example-ngjj51',1795770532932,'{"record":"phase_began","attempt":{"task":2,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(31,'sky-example-ngjj51',1795770532938,'{"record":"phase_began","attempt":{"task":2,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(32,'sky-example-ngjj51',1795770532963,'{"record":"task_committed","attempt":{"task":2,"number":1},"outputs":{}}');
INSERT INTO "record" VALUES(33,'sky-example-ngjj51',1795770532963,'{"record":"lease_releasing","attempt":{"task":2,"number":1}}');
INSERT INTO "record" VALUES(34,'sky-example-ngjj51',1795770532964,'{"record":"run_ending","into":"succeeded","reason":null}');
INSERT INTO "record" VALUES(35,'sky-example-ngjj51',1795770532968,'{"record":"lease_released","attempt":{"task":2,"number":1}}');
INSERT INTO "record" VALUES(36,'sky-example-ngjj51',1795770532969,'{"record":"run_ended"}');
INSERT INTO "record" VALUES(37,'fails-ngjj55',1795770533014,'{"record":"run_started"}');
INSERT INTO "record" VALUES(38,'fails-ngjj55',1795770533015,'{"record":"attempt_began","attempt":{"task":0,"number":1},"placement":0,"nature":"local"}');
INSERT INTO "record" VALUES(39,'fails-ngjj55',1795770533022,'{"record":"lease_requested","attempt":{"task":0,"number":1},"lease":"local-d6c73e799879da5c","started":1795770533016}');
INSERT INTO "record" VALUES(40,'fails-ngjj55',1795770533024,'{"record":"lease_ready","attempt":{"task":0,"number":1},"nodes":[{"rank":0,"address":"127.110.129.32"}]}');
INSERT INTO "record" VALUES(41,'fails-ngjj55',1795770533024,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(42,'fails-ngjj55',1795770533050,'{"record":"publish_began","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(43,'fails-ngjj55',1795770533051,'{"record":"task_committed","attempt":{"task":0,"number":1},"outputs":{"o":{"prefix":"runs/fails-ngjj55/make/1/o","digest":"e4ad87af9911457358dc29e1026e034aed21e5a14a7280d3cd3c370b574f24aa","bytes":5}}}');
INSERT INTO "record" VALUES(44,'fails-ngjj55',1795770533051,'{"record":"lease_releasing","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(45,'fails-ngjj55',1795770533052,'{"record":"attempt_began","attempt":{"task":1,"number":1},"placement":0,"nature":"emulated"}');
INSERT INTO "record" VALUES(46,'fails-ngjj55',1795770533060,'{"record":"lease_requested","attempt":{"task":1,"number":1},"lease":"azure-2e7b8b57e309c1b9","started":1795770533053}');
INSERT INTO "record" VALUES(47,'fails-ngjj55',1795770533061,'{"record":"lease_released","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(48,'fails-ngjj55',1795770533064,'{"record":"data_staged","attempt":{"task":1,"number":1},"path":"inputs/o","tree":{"prefix":"runs/fails-ngjj55/=shared/e4ad87af9911457358dc29e1026e034aed21e5a14a7280d3cd3c370b574f24aa","digest":"e4ad87af9911457358dc29e1026e034aed21e5a14a7280d3cd3c370b574f24aa","bytes":5},"from":{"provider":"local","region":"localhost","zone":null}}');
INSERT INTO "record" VALUES(49,'fails-ngjj55',1795770533215,'{"record":"lease_ready","attempt":{"task":1,"number":1},"nodes":[{"rank":0,"address":"127.83.17.8"}]}');
INSERT INTO "record" VALUES(50,'fails-ngjj55',1795770533216,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(51,'fails-ngjj55',1795770533220,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(52,'fails-ngjj55',1795770533243,'{"record":"attempt_ended","attempt":{"task":1,"number":1},"end":{"end":"failed","rank":0,"phase":"run","exit":{"exit":"code","code":3}}}');
INSERT INTO "record" VALUES(53,'fails-ngjj55',1795770533243,'{"record":"lease_releasing","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(54,'fails-ngjj55',1795770533243,'{"record":"task_failed","task":1,"reason":"its script failed\n  1. azure/centralindia Standard_D2as_v5 spot: run on node 0 ended with exit code 3"}');
INSERT INTO "record" VALUES(55,'fails-ngjj55',1795770533244,'{"record":"run_ending","into":"failed","reason":"task use failed: its script failed\n  1. azure/centralindia Standard_D2as_v5 spot: run on node 0 ended with exit code 3"}');
INSERT INTO "record" VALUES(56,'fails-ngjj55',1795770533252,'{"record":"lease_released","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(57,'fails-ngjj55',1795770533252,'{"record":"run_ended"}');
INSERT INTO "record" VALUES(58,'waits-ngjj55',1795770533284,'{"record":"run_started"}');
INSERT INTO "record" VALUES(59,'waits-ngjj55',1795770533285,'{"record":"attempt_began","attempt":{"task":0,"number":1},"placement":0,"nature":"local"}');
INSERT INTO "record" VALUES(60,'waits-ngjj55',1795770533293,'{"record":"lease_requested","attempt":{"task":0,"number":1},"lease":"local-5c3aaeca72f6b392","started":1795770533286}');
INSERT INTO "record" VALUES(61,'waits-ngjj55',1795770533294,'{"record":"lease_ready","attempt":{"task":0,"number":1},"nodes":[{"rank":0,"address":"127.85.10.161"}]}');
INSERT INTO "record" VALUES(62,'waits-ngjj55',1795770533295,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(63,'waits-ngjj55',1795770533321,'{"record":"publish_began","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(64,'waits-ngjj55',1795770533322,'{"record":"task_committed","attempt":{"task":0,"number":1},"outputs":{"o":{"prefix":"runs/waits-ngjj55/first/1/o","digest":"6d687d6848b6960348b2b788ed3b448979bef10cc4d89b20f159665e966350a4","bytes":4}}}');
INSERT INTO "record" VALUES(65,'waits-ngjj55',1795770533322,'{"record":"lease_releasing","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(66,'waits-ngjj55',1795770533328,'{"record":"lease_released","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(67,'waits-ngjj55',1795770533328,'{"record":"attempt_began","attempt":{"task":1,"number":1},"placement":0,"nature":"local"}');
INSERT INTO "record" VALUES(68,'waits-ngjj55',1795770533337,'{"record":"lease_requested","attempt":{"task":1,"number":1},"lease":"local-08f4b35dc9d39d56","started":1795770533329}');
INSERT INTO "record" VALUES(69,'waits-ngjj55',1795770533338,'{"record":"lease_ready","attempt":{"task":1,"number":1},"nodes":[{"rank":0,"address":"127.121.165.253"}]}');
INSERT INTO "record" VALUES(70,'waits-ngjj55',1795770533339,'{"record":"data_staged","attempt":{"task":1,"number":1},"path":"inputs/o","tree":{"prefix":"runs/waits-ngjj55/first/1/o","digest":"6d687d6848b6960348b2b788ed3b448979bef10cc4d89b20f159665e966350a4","bytes":4},"from":null}');
INSERT INTO "record" VALUES(71,'waits-ngjj55',1795770533340,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(72,'waits-ngjj55',1795770533344,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(73,'waits-ngjj55',1795770537796,'{"record":"run_ending","into":"cancelled","reason":"cancelled on request"}');
INSERT INTO "record" VALUES(74,'waits-ngjj55',1795770537796,'{"record":"lease_releasing","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(75,'waits-ngjj55',1795770537839,'{"record":"lease_released","attempt":{"task":1,"number":1}}');
INSERT INTO "record" VALUES(76,'waits-ngjj55',1795770537847,'{"record":"run_ended"}');
INSERT INTO "record" VALUES(77,'waits-ngjj59',1795770537917,'{"record":"run_started"}');
INSERT INTO "record" VALUES(78,'waits-ngjj59',1795770537923,'{"record":"attempt_began","attempt":{"task":0,"number":1},"placement":0,"nature":"local"}');
INSERT INTO "record" VALUES(79,'waits-ngjj59',1795770537932,'{"record":"lease_requested","attempt":{"task":0,"number":1},"lease":"local-276fbf7b8f569785","started":1795770537927}');
INSERT INTO "record" VALUES(80,'waits-ngjj59',1795770537952,'{"record":"lease_ready","attempt":{"task":0,"number":1},"nodes":[{"rank":0,"address":"127.67.8.130"}]}');
INSERT INTO "record" VALUES(81,'waits-ngjj59',1795770537956,'{"record":"phase_began","attempt":{"task":0,"number":1},"phase":"run"}');
INSERT INTO "record" VALUES(82,'waits-ngjj59',1795770537988,'{"record":"publish_began","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(83,'waits-ngjj59',1795770537991,'{"record":"task_committed","attempt":{"task":0,"number":1},"outputs":{"o":{"prefix":"runs/waits-ngjj59/first/1/o","digest":"6d687d6848b6960348b2b788ed3b448979bef10cc4d89b20f159665e966350a4","bytes":4}}}');
INSERT INTO "record" VALUES(84,'waits-ngjj59',1795770537991,'{"record":"lease_releasing","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(85,'waits-ngjj59',1795770538031,'{"record":"lease_released","attempt":{"task":0,"number":1}}');
INSERT INTO "record" VALUES(86,'waits-ngjj59',1795770538031,'{"record":"attempt_began","attempt":{"task":1,"number":1},"placement":0,"nature":"local"}');
INSERT INTO "record" VALUES(87,'waits-ngjj59',1795770538063,'{"record":"lease_requested","attempt":{"task":1,"number":1},"lease":"local-8a7813d200a7e4f3","started":1795770538039}');
INSERT INTO "record" VALUES(88,'waits-ngjj59',1795770538072,'{"record":"data_staged","attempt":{"task":1,"number":1},"path":"inputs/o","tree":{"prefix":"runs/waits-ngjj59/first/1/o","digest":"6d687d6848b6960348b2b788ed3b448979bef10cc4d89b20f159665e966350a4","bytes":4},"from":null}');
INSERT INTO "record" VALUES(89,'waits-ngjj59',1795770538079,'{"record":"lease_ready","attempt":{"task":1,"number":1},"nodes":[{"rank":0,"address":"127.119.230.165"}]}');
INSERT INTO "record" VALUES(90,'waits-ngjj59',1795770538083,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"prepare"}');
INSERT INTO "record" VALUES(91,'waits-ngjj59',1795770538094,'{"record":"phase_began","attempt":{"task":1,"number":1},"phase":"run"}');
CREATE TABLE request (
        run TEXT NOT NULL REFERENCES run (id),
        what TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (run, what)
    ) STRICT;
INSERT INTO "request" VALUES('waits-ngjj55','cancel',1795770537302);
CREATE TABLE run (
        id TEXT PRIMARY KEY,
        client_token TEXT UNIQUE,
        name TEXT NOT NULL,
        plan TEXT NOT NULL,
        job TEXT,
        base_dir TEXT NOT NULL,
        state TEXT NOT NULL,
        submitted INTEGER NOT NULL
    ) STRICT;
INSERT INTO "run" VALUES('sky-example-ngjj51',NULL,'sky-example','{
  "schema": 1,
  "id": "a48f833126cf98614a3ea6ed0daaf6b5ba2ed10f619dcecff081b6320ff77d5a",
  "job": {
    "name": "sky-example",
    "tasks": [
      {
        "name": "clean",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": {
              "milli": 8000,
              "or_more": true
            },
            "memory_gib": {
              "milli": 32000,
              "or_more": true
            },
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [
            "sev-snp",
            "tdx"
          ],
          "interfaces": []
        },
        "policy": {
          "deadline": 28800000,
          "budget": 60000000000,
          "residency": [
            "us",
            "eu"
          ],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "raw": {
            "uri": {
              "uri": "file://./data/patients.csv",
              "size": 200000000000,
              "place": null
            }
          }
        },
        "outputs": {
          "test": {
            "size": 4000000000,
            "uri": null
          },
          "train": {
            "size": 40000000000,
            "uri": null
          }
        },
        "time": {
          "fixed": 1800000
        },
        "setup": null,
        "run": "sh clean.sh",
        "envs": {},
        "secrets": {},
        "workdir": {
          "local": "sky"
        },
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "train",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": {
              "name": "tpu-v5e",
              "count_milli": 8000
            },
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          },
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": {
              "name": "A100",
              "count_milli": 8000
            },
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": 28800000,
          "budget": 60000000000,
          "residency": [
            "us",
            "eu"
          ],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "patients": {
            "task": {
              "task": "clean",
              "output": "train"
            }
          }
        },
        "outputs": {
          "model": {
            "size": 2000000000,
            "uri": null
          }
        },
        "time": {
          "per_accelerator": [
            [
              {
                "name": "tpu-v5e",
                "count_milli": 8000
              },
              10800000
            ],
            [
              {
                "name": "A100",
                "count_milli": 8000
              },
              7200000
            ]
          ]
        },
        "setup": null,
        "run": "sh train.sh",
        "envs": {},
        "secrets": {},
        "workdir": {
          "local": "sky"
        },
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "infer",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": {
              "name": "inferentia2",
              "count_milli": 1000
            },
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          },
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": {
              "name": "L4",
              "count_milli": 1000
            },
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": 28800000,
          "budget": 60000000000,
          "residency": [
            "us",
            "eu"
          ],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "model": {
            "task": {
              "task": "train",
              "output": "model"
            }
          },
          "patients": {
            "task": {
              "task": "clean",
              "output": "test"
            }
          }
        },
        "outputs": {},
        "time": {
          "per_accelerator": [
            [
              {
                "name": "inferentia2",
                "count_milli": 1000
              },
              7200000
            ],
            [
              {
                "name": "L4",
                "count_milli": 1000
              },
              10800000
            ]
          ]
        },
        "setup": null,
        "run": "sh infer.sh",
        "envs": {},
        "secrets": {},
        "workdir": {
          "local": "sky"
        },
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      }
    ],
    "edges": [
      {
        "from": 0,
        "to": 1,
        "data": {
          "output": "train",
          "input": "patients",
          "size": 40000000000
        }
      },
      {
        "from": 1,
        "to": 2,
        "data": {
          "output": "model",
          "input": "model",
          "size": 2000000000
        }
      },
      {
        "from": 0,
        "to": 2,
        "data": {
          "output": "test",
          "input": "patients",
          "size": 4000000000
        }
      }
    ],
    "objective": "cost",
    "policy": {
      "deadline": 28800000,
      "budget": 60000000000,
      "residency": [
        "us",
        "eu"
      ],
      "allow_providers": [],
      "deny_providers": [],
      "certs": [],
      "max_hourly_cost": null,
      "where": [],
      "score": null,
      "preemptions_per_hour": null,
      "checkpoint": null
    }
  },
  "tasks": [
    {
      "task": "clean",
      "choice": {
        "provider": "azure",
        "region": "eastus2",
        "zone": null,
        "node": {
          "instance_type": "Standard_DC8as_v5",
          "vcpus_milli": 8000,
          "memory": 34359738368,
          "accelerator": null,
          "tee": [
            "sev-snp"
          ]
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 344000000,
        "time": 1800000,
        "cost": 172000000,
        "plan_cost": 30711917418,
        "plan_time": 20667200,
        "start": 800000
      },
      "alternatives": [
        {
          "provider": "azure",
          "region": "eastus",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8as_v5",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 344000000,
          "time": 1800000,
          "cost": 172000000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "azure",
          "region": "northeurope",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8as_v5",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 383422000,
          "time": 1800000,
          "cost": 191711000,
          "plan_cost": 30731628418,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "azure",
          "region": "westus3",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8es_v6",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "tdx"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 403200000,
          "time": 1800000,
          "cost": 201600000,
          "plan_cost": 30741517418,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "azure",
          "region": "germanywestcentral",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8as_v5",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 412078000,
          "time": 1800000,
          "cost": 206039000,
          "plan_cost": 30745956418,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "azure",
          "region": "westeurope",
          "zone": null,
          "node": {
            "instance_type": "Standard_DC8as_v5",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 412078000,
          "time": 1800000,
          "cost": 206039000,
          "plan_cost": 30745956418,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2a",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 380160000,
          "time": 1800000,
          "cost": 190080000,
          "plan_cost": 30769997418,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2b",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 380160000,
          "time": 1800000,
          "cost": 190080000,
          "plan_cost": 30769997418,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2c",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 380160000,
          "time": 1800000,
          "cost": 190080000,
          "plan_cost": 30769997418,
          "plan_time": 20667200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1a",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 423720000,
          "time": 1800000,
          "cost": 211860000,
          "plan_cost": 30831777418,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1b",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 423720000,
          "time": 1800000,
          "cost": 211860000,
          "plan_cost": 30831777418,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1c",
          "node": {
            "instance_type": "m6a.2xlarge",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 423720000,
          "time": 1800000,
          "cost": 211860000,
          "plan_cost": 30831777418,
          "plan_time": 20763200,
          "start": 800000
        },
        {
          "provider": "gcp",
          "region": "us-central1",
          "zone": "us-central1-a",
          "node": {
            "instance_type": "n2d-standard-8",
            "vcpus_milli": 8000,
            "memory": 34359738368,
            "accelerator": null,
            "tee": [
              "sev-snp",
              "sev"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 371764800,
          "time": 1800000,
          "cost": 185882400,
          "plan_cost": 31172834654,
          "plan_time": 20603200,
          "start": 800000
        }
      ],
      "feasible_offers": 302
    },
    {
      "task": "train",
      "choice": {
        "provider": "gcp",
        "region": "us-central1",
        "zone": "us-central1-a",
        "node": {
          "instance_type": "v5litepod-8",
          "vcpus_milli": 224000,
          "memory": 412316860416,
          "accelerator": [
            "tpu-v5e",
            8000
          ],
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 9600000000,
        "time": 10800000,
        "cost": 28800000000,
        "plan_cost": 30711917418,
        "plan_time": 20667200,
        "start": 2664000
      },
      "alternatives": [
        {
          "provider": "gcp",
          "region": "us-west1",
          "zone": "us-west1-c",
          "node": {
            "instance_type": "v5litepod-8",
            "vcpus_milli": 224000,
            "memory": 412316860416,
            "accelerator": [
              "tpu-v5e",
              8000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 9600000000,
          "time": 10800000,
          "cost": 28800000000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 2664000
        },
        {
          "provider": "gcp",
          "region": "us-west4",
          "zone": "us-west4-a",
          "node": {
            "instance_type": "v5litepod-8",
            "vcpus_milli": 224000,
            "memory": 412316860416,
            "accelerator": [
              "tpu-v5e",
              8000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 9600000000,
          "time": 10800000,
          "cost": 28800000000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 2664000
        },
        {
          "provider": "gcp",
          "region": "us-south1",
          "zone": "us-south1-a",
          "node": {
            "instance_type": "v5litepod-8",
            "vcpus_milli": 224000,
            "memory": 412316860416,
            "accelerator": [
              "tpu-v5e",
              8000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 11328000000,
          "time": 10800000,
          "cost": 33984000000,
          "plan_cost": 35895917418,
          "plan_time": 20667200,
          "start": 2664000
        },
        {
          "provider": "gcp",
          "region": "europe-west4",
          "zone": "europe-west4-b",
          "node": {
            "instance_type": "v5litepod-8",
            "vcpus_milli": 224000,
            "memory": 412316860416,
            "accelerator": [
              "tpu-v5e",
              8000
            ],
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 12480000000,
          "time": 10800000,
          "cost": 37440000000,
          "plan_cost": 39351917418,
          "plan_time": 20768000,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1a",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45603600000,
          "plan_time": 17064000,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1b",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45603600000,
          "plan_time": 17064000,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1c",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45603600000,
          "plan_time": 17064000,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2a",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45623600000,
          "plan_time": 17067200,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2b",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45623600000,
          "plan_time": 17067200,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2c",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45623600000,
          "plan_time": 17067200,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2a",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45643600000,
          "plan_time": 17067200,
          "start": 2664000
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2b",
          "node": {
            "instance_type": "p4d.24xlarge",
            "vcpus_milli": 96000,
            "memory": 1236950581248,
            "accelerator": [
              "A100",
              8000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 21957600000,
          "time": 7200000,
          "cost": 43915200000,
          "plan_cost": 45643600000,
          "plan_time": 17067200,
          "start": 2664000
        }
      ],
      "feasible_offers": 27
    },
    {
      "task": "infer",
      "choice": {
        "provider": "aws",
        "region": "us-east-1",
        "zone": "us-east-1a",
        "node": {
          "instance_type": "inf2.xlarge",
          "vcpus_milli": 4000,
          "memory": 17179869184,
          "accelerator": [
            "Inferentia2",
            1000
          ],
          "tee": [
            "nitro"
          ]
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 758200000,
        "time": 7200000,
        "cost": 1516400000,
        "plan_cost": 30711917418,
        "plan_time": 20667200,
        "start": 13467200
      },
      "alternatives": [
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1b",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-east-1",
          "zone": "us-east-1c",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2a",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2b",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-east-2",
          "zone": "us-east-2c",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2a",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2b",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "us-west-2",
          "zone": "us-west-2c",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 758200000,
          "time": 7200000,
          "cost": 1516400000,
          "plan_cost": 30711917418,
          "plan_time": 20667200,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1a",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 834000000,
          "time": 7200000,
          "cost": 1668000000,
          "plan_cost": 30863517418,
          "plan_time": 20672000,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1b",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 834000000,
          "time": 7200000,
          "cost": 1668000000,
          "plan_cost": 30863517418,
          "plan_time": 20672000,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "eu-west-1",
          "zone": "eu-west-1c",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 834000000,
          "time": 7200000,
          "cost": 1668000000,
          "plan_cost": 30863517418,
          "plan_time": 20672000,
          "start": 13467200
        },
        {
          "provider": "aws",
          "region": "eu-central-1",
          "zone": "eu-central-1a",
          "node": {
            "instance_type": "inf2.xlarge",
            "vcpus_milli": 4000,
            "memory": 17179869184,
            "accelerator": [
              "Inferentia2",
              1000
            ],
            "tee": [
              "nitro"
            ]
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 947800000,
          "time": 7200000,
          "cost": 1895600000,
          "plan_cost": 31091117418,
          "plan_time": 20672000,
          "start": 13467200
        }
      ],
      "feasible_offers": 184
    }
  ],
  "transfers": [
    {
      "source": {
        "uri": "file://./data/patients.csv"
      },
      "task": "clean",
      "input": "raw",
      "bytes": 200000000000,
      "cost": 0,
      "time": 800000,
      "tariff": "local.egress"
    },
    {
      "source": {
        "task": {
          "task": "clean",
          "output": "train"
        }
      },
      "task": "train",
      "input": "patients",
      "bytes": 40000000000,
      "cost": 0,
      "time": 64000,
      "tariff": "azure.internet"
    },
    {
      "source": {
        "task": {
          "task": "train",
          "output": "model"
        }
      },
      "task": "infer",
      "input": "model",
      "bytes": 2000000000,
      "cost": 223517418,
      "time": 3200,
      "tariff": "gcp.internet"
    },
    {
      "source": {
        "task": {
          "task": "clean",
          "output": "test"
        }
      },
      "task": "infer",
      "input": "patients",
      "bytes": 4000000000,
      "cost": 0,
      "time": 6400,
      "tariff": "azure.internet"
    }
  ],
  "objective": "cost",
  "cost": 30711917418,
  "egress": 223517418,
  "time": 20667200,
  "gap": "exact",
  "catalog": "407d67b3d730ce97274c3babfe691fc915b4c3ba5ad3a69772473d584290dd47",
  "tariffs": "43646a88fce0ce430e3832cae4ba985f72f10f583f600f527d8b5696221bfef9",
  "assumptions": [
    "clean: x86-64, not burstable, as `resources` does not say otherwise"
  ],
  "month": {
    "counted": "no_records",
    "volumes": {}
  }
}',NULL,'/srv/jobs/examples','succeeded',1795770529531);
INSERT INTO "run" VALUES('fails-ngjj55',NULL,'fails','{
  "schema": 1,
  "id": "b98a2fc2cb6def38868b46a90c13e4ad8e1ca1451e9c9ca985c6378c8dcf240d",
  "job": {
    "name": "fails",
    "tasks": [
      {
        "name": "make",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "local",
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": null,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {},
        "outputs": {
          "o": {
            "size": 1000000,
            "uri": null
          }
        },
        "time": {
          "fixed": 60000
        },
        "setup": null,
        "run": "echo $KEY; echo made > ~/outputs/o",
        "envs": {},
        "secrets": {
          "KEY": ""
        },
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "use",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": null,
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": {
              "milli": 2000,
              "or_more": true
            },
            "memory_gib": {
              "milli": 4000,
              "or_more": true
            },
            "instance_type": null,
            "market": "any",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": null,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [
            "local"
          ],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "o": {
            "task": {
              "task": "make",
              "output": "o"
            }
          }
        },
        "outputs": {},
        "time": {
          "fixed": 60000
        },
        "setup": null,
        "run": "exit 3",
        "envs": {},
        "secrets": {},
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      }
    ],
    "edges": [
      {
        "from": 0,
        "to": 1,
        "data": {
          "output": "o",
          "input": "o",
          "size": 1000000
        }
      }
    ],
    "objective": "cost",
    "policy": {
      "deadline": null,
      "budget": null,
      "residency": [],
      "allow_providers": [],
      "deny_providers": [],
      "certs": [],
      "max_hourly_cost": null,
      "where": [],
      "score": null,
      "preemptions_per_hour": null,
      "checkpoint": null
    }
  },
  "tasks": [
    {
      "task": "make",
      "choice": {
        "provider": "local",
        "region": "localhost",
        "zone": null,
        "node": {
          "instance_type": "machine",
          "vcpus_milli": 0,
          "memory": 0,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 0,
        "time": 60000,
        "cost": 0,
        "plan_cost": 175513,
        "plan_time": 120180,
        "start": 0
      },
      "alternatives": [],
      "feasible_offers": 1
    },
    {
      "task": "use",
      "choice": {
        "provider": "azure",
        "region": "centralindia",
        "zone": null,
        "node": {
          "instance_type": "Standard_D2as_v5",
          "vcpus_milli": 2000,
          "memory": 8589934592,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "spot",
        "hourly": 10500000,
        "time": 60176,
        "cost": 175513,
        "plan_cost": 175513,
        "plan_time": 120180,
        "start": 60004
      },
      "alternatives": [
        {
          "provider": "azure",
          "region": "eastus",
          "zone": null,
          "node": {
            "instance_type": "Standard_F2s_v2",
            "vcpus_milli": 2000,
            "memory": 4294967296,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 16100000,
          "time": 60176,
          "cost": 269120,
          "plan_cost": 269120,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "azure",
          "region": "eastus2",
          "zone": null,
          "node": {
            "instance_type": "Standard_F2s_v2",
            "vcpus_milli": 2000,
            "memory": 4294967296,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 16100000,
          "time": 60176,
          "cost": 269120,
          "plan_cost": 269120,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "azure",
          "region": "westus2",
          "zone": null,
          "node": {
            "instance_type": "Standard_F2s_v2",
            "vcpus_milli": 2000,
            "memory": 4294967296,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 16100000,
          "time": 60176,
          "cost": 269120,
          "plan_cost": 269120,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "azure",
          "region": "westus3",
          "zone": null,
          "node": {
            "instance_type": "Standard_F2s_v2",
            "vcpus_milli": 2000,
            "memory": 4294967296,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 16100000,
          "time": 60176,
          "cost": 269120,
          "plan_cost": 269120,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "gcp",
          "region": "asia-south1",
          "zone": "asia-south1-a",
          "node": {
            "instance_type": "n2d-standard-2",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": [
              "sev"
            ]
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 17300000,
          "time": 60176,
          "cost": 289179,
          "plan_cost": 289179,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "gcp",
          "region": "asia-south1",
          "zone": "asia-south1-b",
          "node": {
            "instance_type": "n2d-standard-2",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": [
              "sev"
            ]
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 17300000,
          "time": 60176,
          "cost": 289179,
          "plan_cost": 289179,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "gcp",
          "region": "asia-south1",
          "zone": "asia-south1-c",
          "node": {
            "instance_type": "n2d-standard-2",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": [
              "sev"
            ]
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 17300000,
          "time": 60176,
          "cost": 289179,
          "plan_cost": 289179,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "azure",
          "region": "swedencentral",
          "zone": null,
          "node": {
            "instance_type": "Standard_D2as_v5",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 17400000,
          "time": 60176,
          "cost": 290851,
          "plan_cost": 290851,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "azure",
          "region": "canadacentral",
          "zone": null,
          "node": {
            "instance_type": "Standard_F2s_v2",
            "vcpus_milli": 2000,
            "memory": 4294967296,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 17600000,
          "time": 60176,
          "cost": 294194,
          "plan_cost": 294194,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "azure",
          "region": "northeurope",
          "zone": null,
          "node": {
            "instance_type": "Standard_D2as_v5",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 18200000,
          "time": 60176,
          "cost": 304223,
          "plan_cost": 304223,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "azure",
          "region": "germanywestcentral",
          "zone": null,
          "node": {
            "instance_type": "Standard_F2s_v2",
            "vcpus_milli": 2000,
            "memory": 4294967296,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 18400000,
          "time": 60176,
          "cost": 307566,
          "plan_cost": 307566,
          "plan_time": 120180,
          "start": 60004
        },
        {
          "provider": "azure",
          "region": "westeurope",
          "zone": null,
          "node": {
            "instance_type": "Standard_F2s_v2",
            "vcpus_milli": 2000,
            "memory": 4294967296,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "spot",
          "hourly": 18400000,
          "time": 60176,
          "cost": 307566,
          "plan_cost": 307566,
          "plan_time": 120180,
          "start": 60004
        }
      ],
      "feasible_offers": 8476
    }
  ],
  "transfers": [
    {
      "source": {
        "task": {
          "task": "make",
          "output": "o"
        }
      },
      "task": "use",
      "input": "o",
      "bytes": 1000000,
      "cost": 0,
      "time": 4,
      "tariff": "local.egress"
    }
  ],
  "objective": "cost",
  "cost": 175513,
  "egress": 0,
  "time": 120180,
  "gap": "exact",
  "catalog": "407d67b3d730ce97274c3babfe691fc915b4c3ba5ad3a69772473d584290dd47",
  "tariffs": "43646a88fce0ce430e3832cae4ba985f72f10f583f600f527d8b5696221bfef9",
  "assumptions": [
    "use: x86-64, not burstable, as `resources` does not say otherwise",
    "use: each spot machine is assumed to be taken away once in 20 hours"
  ],
  "month": {
    "counted": {
      "since": "2026-11-01"
    },
    "volumes": {
      "azure.internet": 318968,
      "gcp.internet": 78
    }
  }
}',NULL,'/srv/jobs','failed',1795770533011);
INSERT INTO "run" VALUES('waits-ngjj55',NULL,'waits','{
  "schema": 1,
  "id": "e30ad4a08c7b98662b49369ab12eaa88aae151ab3b502d56f0922ef055ddfa8b",
  "job": {
    "name": "waits",
    "tasks": [
      {
        "name": "first",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "local",
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": 20000000000,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {},
        "outputs": {
          "o": {
            "size": 1000000,
            "uri": null
          }
        },
        "time": {
          "fixed": 60000
        },
        "setup": null,
        "run": "echo one > ~/outputs/o",
        "envs": {},
        "secrets": {},
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "second",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "local",
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": 20000000000,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "o": {
            "task": {
              "task": "first",
              "output": "o"
            }
          }
        },
        "outputs": {
          "o": {
            "size": 1000000,
            "uri": null
          }
        },
        "time": {
          "fixed": 60000
        },
        "setup": null,
        "run": "echo $KEY; sleep 600; cat ~/inputs/o > ~/outputs/o",
        "envs": {},
        "secrets": {
          "KEY": ""
        },
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "third",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "gcp",
              "region": "us-central1",
              "zone": null
            },
            "accelerator": null,
            "cpus": {
              "milli": 2000,
              "or_more": true
            },
            "memory_gib": {
              "milli": 4000,
              "or_more": true
            },
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": 20000000000,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [
            "local"
          ],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "o": {
            "task": {
              "task": "second",
              "output": "o"
            }
          }
        },
        "outputs": {},
        "time": {
          "fixed": 60000
        },
        "setup": null,
        "run": "cat ~/inputs/o",
        "envs": {},
        "secrets": {},
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      }
    ],
    "edges": [
      {
        "from": 0,
        "to": 1,
        "data": {
          "output": "o",
          "input": "o",
          "size": 1000000
        }
      },
      {
        "from": 1,
        "to": 2,
        "data": {
          "output": "o",
          "input": "o",
          "size": 1000000
        }
      }
    ],
    "objective": "cost",
    "policy": {
      "deadline": null,
      "budget": 20000000000,
      "residency": [],
      "allow_providers": [],
      "deny_providers": [],
      "certs": [],
      "max_hourly_cost": null,
      "where": [],
      "score": null,
      "preemptions_per_hour": null,
      "checkpoint": null
    }
  },
  "tasks": [
    {
      "task": "first",
      "choice": {
        "provider": "local",
        "region": "localhost",
        "zone": null,
        "node": {
          "instance_type": "machine",
          "vcpus_milli": 0,
          "memory": 0,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 0,
        "time": 60000,
        "cost": 0,
        "plan_cost": 1116857,
        "plan_time": 180004,
        "start": 0
      },
      "alternatives": [],
      "feasible_offers": 1
    },
    {
      "task": "second",
      "choice": {
        "provider": "local",
        "region": "localhost",
        "zone": null,
        "node": {
          "instance_type": "machine",
          "vcpus_milli": 0,
          "memory": 0,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 0,
        "time": 60000,
        "cost": 0,
        "plan_cost": 1116857,
        "plan_time": 180004,
        "start": 60000
      },
      "alternatives": [],
      "feasible_offers": 1
    },
    {
      "task": "third",
      "choice": {
        "provider": "gcp",
        "region": "us-central1",
        "zone": "us-central1-a",
        "node": {
          "instance_type": "e2-standard-2",
          "vcpus_milli": 2000,
          "memory": 8589934592,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 67011400,
        "time": 60000,
        "cost": 1116857,
        "plan_cost": 1116857,
        "plan_time": 180004,
        "start": 120004
      },
      "alternatives": [
        {
          "provider": "gcp",
          "region": "us-central1",
          "zone": "us-central1-b",
          "node": {
            "instance_type": "e2-standard-2",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 67011400,
          "time": 60000,
          "cost": 1116857,
          "plan_cost": 1116857,
          "plan_time": 180004,
          "start": 120004
        },
        {
          "provider": "gcp",
          "region": "us-central1",
          "zone": "us-central1-c",
          "node": {
            "instance_type": "e2-standard-2",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 67011400,
          "time": 60000,
          "cost": 1116857,
          "plan_cost": 1116857,
          "plan_time": 180004,
          "start": 120004
        }
      ],
      "feasible_offers": 364
    }
  ],
  "transfers": [
    {
      "source": {
        "task": {
          "task": "first",
          "output": "o"
        }
      },
      "task": "second",
      "input": "o",
      "bytes": 1000000,
      "cost": 0,
      "time": 0,
      "tariff": "local.same-machine"
    },
    {
      "source": {
        "task": {
          "task": "second",
          "output": "o"
        }
      },
      "task": "third",
      "input": "o",
      "bytes": 1000000,
      "cost": 0,
      "time": 4,
      "tariff": "local.egress"
    }
  ],
  "objective": "cost",
  "cost": 1116857,
  "egress": 0,
  "time": 180004,
  "gap": "exact",
  "catalog": "407d67b3d730ce97274c3babfe691fc915b4c3ba5ad3a69772473d584290dd47",
  "tariffs": "43646a88fce0ce430e3832cae4ba985f72f10f583f600f527d8b5696221bfef9",
  "assumptions": [
    "third: x86-64, not burstable, as `resources` does not say otherwise"
  ],
  "month": {
    "counted": {
      "since": "2026-11-01"
    },
    "volumes": {
      "azure.internet": 318968,
      "gcp.internet": 78,
      "local.egress": 5
    }
  }
}',NULL,'/srv/jobs','cancelled',1795770533281);
INSERT INTO "run" VALUES('waits-ngjj59',NULL,'waits','{
  "schema": 1,
  "id": "e30ad4a08c7b98662b49369ab12eaa88aae151ab3b502d56f0922ef055ddfa8b",
  "job": {
    "name": "waits",
    "tasks": [
      {
        "name": "first",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "local",
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": 20000000000,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {},
        "outputs": {
          "o": {
            "size": 1000000,
            "uri": null
          }
        },
        "time": {
          "fixed": 60000
        },
        "setup": null,
        "run": "echo one > ~/outputs/o",
        "envs": {},
        "secrets": {},
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "second",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "local",
              "region": null,
              "zone": null
            },
            "accelerator": null,
            "cpus": null,
            "memory_gib": null,
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": 20000000000,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "o": {
            "task": {
              "task": "first",
              "output": "o"
            }
          }
        },
        "outputs": {
          "o": {
            "size": 1000000,
            "uri": null
          }
        },
        "time": {
          "fixed": 60000
        },
        "setup": null,
        "run": "echo $KEY; sleep 600; cat ~/inputs/o > ~/outputs/o",
        "envs": {},
        "secrets": {
          "KEY": ""
        },
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      },
      {
        "name": "third",
        "num_nodes": 1,
        "options": [
          {
            "infra": {
              "provider": "gcp",
              "region": "us-central1",
              "zone": null
            },
            "accelerator": null,
            "cpus": {
              "milli": 2000,
              "or_more": true
            },
            "memory_gib": {
              "milli": 4000,
              "or_more": true
            },
            "instance_type": null,
            "market": "on_demand",
            "max_hourly_cost": null,
            "disk_size": null,
            "disk_tier": null,
            "network_tier": null,
            "ports": [],
            "image_id": null,
            "labels": {},
            "autostop": null,
            "accelerator_args": {}
          }
        ],
        "choice": "any_of",
        "needs": {
          "tee": [],
          "interfaces": []
        },
        "policy": {
          "deadline": null,
          "budget": 20000000000,
          "residency": [],
          "allow_providers": [],
          "deny_providers": [
            "local"
          ],
          "certs": [],
          "max_hourly_cost": null,
          "where": [],
          "score": null,
          "preemptions_per_hour": null,
          "checkpoint": null
        },
        "inputs": {
          "o": {
            "task": {
              "task": "second",
              "output": "o"
            }
          }
        },
        "outputs": {},
        "time": {
          "fixed": 60000
        },
        "setup": null,
        "run": "cat ~/inputs/o",
        "envs": {},
        "secrets": {},
        "workdir": null,
        "file_mounts": {},
        "recovery": {
          "strategy": null,
          "max_restarts_on_errors": 0,
          "recover_on_exit_codes": []
        },
        "unexecuted": []
      }
    ],
    "edges": [
      {
        "from": 0,
        "to": 1,
        "data": {
          "output": "o",
          "input": "o",
          "size": 1000000
        }
      },
      {
        "from": 1,
        "to": 2,
        "data": {
          "output": "o",
          "input": "o",
          "size": 1000000
        }
      }
    ],
    "objective": "cost",
    "policy": {
      "deadline": null,
      "budget": 20000000000,
      "residency": [],
      "allow_providers": [],
      "deny_providers": [],
      "certs": [],
      "max_hourly_cost": null,
      "where": [],
      "score": null,
      "preemptions_per_hour": null,
      "checkpoint": null
    }
  },
  "tasks": [
    {
      "task": "first",
      "choice": {
        "provider": "local",
        "region": "localhost",
        "zone": null,
        "node": {
          "instance_type": "machine",
          "vcpus_milli": 0,
          "memory": 0,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 0,
        "time": 60000,
        "cost": 0,
        "plan_cost": 1116857,
        "plan_time": 180004,
        "start": 0
      },
      "alternatives": [],
      "feasible_offers": 1
    },
    {
      "task": "second",
      "choice": {
        "provider": "local",
        "region": "localhost",
        "zone": null,
        "node": {
          "instance_type": "machine",
          "vcpus_milli": 0,
          "memory": 0,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 0,
        "time": 60000,
        "cost": 0,
        "plan_cost": 1116857,
        "plan_time": 180004,
        "start": 60000
      },
      "alternatives": [],
      "feasible_offers": 1
    },
    {
      "task": "third",
      "choice": {
        "provider": "gcp",
        "region": "us-central1",
        "zone": "us-central1-a",
        "node": {
          "instance_type": "e2-standard-2",
          "vcpus_milli": 2000,
          "memory": 8589934592,
          "accelerator": null,
          "tee": []
        },
        "nodes": 1,
        "market": "on_demand",
        "hourly": 67011400,
        "time": 60000,
        "cost": 1116857,
        "plan_cost": 1116857,
        "plan_time": 180004,
        "start": 120004
      },
      "alternatives": [
        {
          "provider": "gcp",
          "region": "us-central1",
          "zone": "us-central1-b",
          "node": {
            "instance_type": "e2-standard-2",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 67011400,
          "time": 60000,
          "cost": 1116857,
          "plan_cost": 1116857,
          "plan_time": 180004,
          "start": 120004
        },
        {
          "provider": "gcp",
          "region": "us-central1",
          "zone": "us-central1-c",
          "node": {
            "instance_type": "e2-standard-2",
            "vcpus_milli": 2000,
            "memory": 8589934592,
            "accelerator": null,
            "tee": []
          },
          "nodes": 1,
          "market": "on_demand",
          "hourly": 67011400,
          "time": 60000,
          "cost": 1116857,
          "plan_cost": 1116857,
          "plan_time": 180004,
          "start": 120004
        }
      ],
      "feasible_offers": 364
    }
  ],
  "transfers": [
    {
      "source": {
        "task": {
          "task": "first",
          "output": "o"
        }
      },
      "task": "second",
      "input": "o",
      "bytes": 1000000,
      "cost": 0,
      "time": 0,
      "tariff": "local.same-machine"
    },
    {
      "source": {
        "task": {
          "task": "second",
          "output": "o"
        }
      },
      "task": "third",
      "input": "o",
      "bytes": 1000000,
      "cost": 0,
      "time": 4,
      "tariff": "local.egress"
    }
  ],
  "objective": "cost",
  "cost": 1116857,
  "egress": 0,
  "time": 180004,
  "gap": "exact",
  "catalog": "407d67b3d730ce97274c3babfe691fc915b4c3ba5ad3a69772473d584290dd47",
  "tariffs": "43646a88fce0ce430e3832cae4ba985f72f10f583f600f527d8b5696221bfef9",
  "assumptions": [
    "third: x86-64, not burstable, as `resources` does not say otherwise"
  ],
  "month": {
    "counted": {
      "since": "2026-11-01"
    },
    "volumes": {
      "azure.internet": 318968,
      "gcp.internet": 78,
      "local.egress": 5
    }
  }
}','sealed:1:3035ef5daf25b176628c021cb1448261c7bfc1183f76ad01cf29e3338a7f9ee88511954af026da4c899ccd68e163c4d696067c675a692a74a009afee0f6bb2717e2c4e897b820dd66a4f190839aed19cb20e01c5bf6dd15bc3c011948a44ca9e510cfc6d7722dd26dd9baa476e8bf0fe066278b422ff49d7513e461682040a1cc041d5325e888a26645f140ceeb85bca30c68cc49b74a385f201ef16cd2b490c1a52d2bf752920b88f03e10a7d92461a536e88fb9eb0a6ae367d1d4c7e8edcfb96f7f38bd5ac613db7c7b2c918a72d49713553512d752514f3a13ad8854ade0bb081a885925fd941f8788e617a9f3f180c9a100e8c2a4cb37eb80ff7856abc71f5fc3d622a755949d26ec2707de385ae32f59f838b5d6c18412b749bb3158a11970e58c6e5111baea38dafb504d805ae337cc314642ad02792b89e10364fa36eff0d2dd56f9803830fe4e5bb752678d83a3add39adfd69b682c1a4cdf2305865b25291d26de0852aed609172cf695505c434a8ae52e2aa5f1ed0dc004c6d518dd4433c1c8100cf799420549bf1ed2411609e77f52e365d1b09263911c4ffecd5229d1ece617b49330e73c25350c4726fd3caea0e5e1cace022586fc08c5af45462814a3ba98380bea8d0540b233fb98270651cdfd5ed7f855013a71248eed3b24f9b6543856afdfbf4af3d66697789996e13af187a1a03d76df5fba86af968c87ab8bab9cbfd84b17e59aaa452f8309f79b6c5784d9b69a509d203096cd286235abdc12c75e7685ab24ac6d1019388714b858114520e47093095ff6335b20522cb7f16b4ec44c5f94cfa2d3e2fc7f188b405589d082e17da4636d081665c4d1941da056b2dd480801b78cf1e0af562758e5a2932e645aa8ccd599cacf2cd214cb43639c3828bc25a1df0c0016380e35f0e13c2bdf5974104a6db302d96bdcecf1ad397506be130cc9d673131dd729668ed8ac0afdbbb53f59f9b7d77666fc91ba9c96e56fbc5b31d069fe5b4c4f16655e6b03598fec9474f2af1ab2b58d68d79aefc4963e7e4d2e30da027479997c78cf1227d3d0b811972cae96e2a60cbe2c694804add4b4292c762c037367350735f07b885cce98faeee773c88f0a35571b3e144f20317886c5aba93fd1f5ed4ce2bfa686c6e84bad1fd536ecf39591515ef2992a26ba90b582ce37c875b4b61237c4bd8e7bd2fe6b289f5e02895905e07531d8a0f8edf654d47a250d6ab4c6874edb6eaf3e31fc1384bcb38fcb4243325c0f07356721718b400c60626eb402115c1c48da917a09aba290647c5834907b196e65b81b0cd898a7fd99563b4d0c261950e1209e081c85988df70ff7914e7c0d1864c989f6184aad93895dbe524d2b513d0afbf415c02d5b76260bc07120e7a73af283433fb2eb8ea82093c8ed6f384f08c1973ae31c88d486cb35777ed6690aec2c5dfb6536b40f4648575ae485424434a6a9786c781d1cd9955e45705fb10898213bfdd6eaabd1af827bf63d8c86649f36c5f0b4576498dcae8e51759f6fc8ca47a2ea2a89312b7d09d907ba37db9dbc2155f0e49e57d0928326e7d30f290c4b1b8d082d16c079b18d6412b9809463b91c3f89e0ce718582e14a6f4f4f3208aacace4c248afb9705acc6ab774c90ff2ee224ee34bfa5672b679f1b9cf3aea6400ff06b2d7856ddfcd643ed0f4ef4e3ddecfac498f39c242a31d7ef02500989e5842ea3bf067c46072b095207631a26960c7638008657b17681ddba99a5fda59c917da85dc68db9e220246f72ee38784811cef688ef1a731654406d9736703cd364a1022e98f652d88a2ddc179800bfb3834142f14697939142592df1246f665ee6733f7d6a80100e442f47d72910f7cc33b70c352126806fee715acccd3fce6cefe4c2641d38761d70240d6b6a5f63a168dc09a8143bd19b3d5710a652bdd21a48972d67bdcc367022e6ee4e070dfc56f15c2494c5804fe34c61d240d4f8383450c1f8e91f51b7ea18b8ffece7e3019740e712bb664b8a5c1c1bccaa9d2e793930f448ab8db813c410267f328a0654a1efe02f719ef64769e572443b58b4446b89c6c9f6280a640e8a565c3b82de5aa86be730e239636eada4e4a2239ed4a1c588f8bf696375481bf5b5b21b365d56cdd4f415a2e2328efa379e5cf0d71e88094a89a11422d66c99273c88b011a3c102f4135df3036245aeb5b5bcff859cae4d1a96ea5ddf36b969462f2085d474b71dbbfef35ffeea4371dc63be263d3d200d20db47f78a915090093085e60323c2032b7d561fff3a199a3fd3de36369ac3399f7b2eb8c65de5f50dec53ecf256fa29f72a279ce420ec31476078adb799b9ddb20412a8ea5e8683490a34e6cb08c0e8d6dd7d39f60a2341931441138db88a233c4b6837308e28a85d0ebfcc43f749e062af73015f935d0e9d3475dca85503e8984431df5e90fd556771c6903beab4ec23cde5d159b4a363af9e7cbb2cb96c6e98782420eee2de9986a2ab4c5e1cdf43892542e7a4ee51935ac298fcb6c4deb364159a0f9ad75793430fb98013c1c770e284e475f0ef42e71479653a7a0520f6c254a3d93e73022e8aa48dd3855905ed69a63f9dde5e3122e2fd579df398f6b3c13c28942d91e6d6767172d7365fb45c5676a80cb67582be5737369b44bf1043aecdcbdcb33028d5749453c8e613877644d008759b4c0398694d96a4fc10fe88e87975894fa9e75496d0304e09185209616f53f46294cad08fd853248fa1289826883bcaa959e9f7f8eb63faac7a64c6fa3b597f3b5cb1c466d13631c04ab571494312587ee9d1a30d98aa4fbb1429aa8737c8e8816dc6b1305ecd370ea00eea694200a31f34c9c9a84c52096ce9217a46fa12e80e7bf5e63b7c340f009bf3905bcef7195074a13ff3452e199788dc5b833bc06f1048209c01338411f097d680f6f6f31eb6b087ccbe6c8605d0b59773f0cebe09921c14d6189a96fe9b46c1db93c72db450f3e1f89af604d63feb8d747a86c53a977120951d5b35506a645bf30dd9efc3306bbe17d514fdd6bc606bf076885a403f4439b5a72224d42735027e0ddcc315cf16276f33f70940a3c1f4b49325ae2f2becb412788187dddcbd155521ce9a48c6c012a3ff790bb63862d42bf4efef4e2ab2115e4997355247c0bfd9855be8d941640eb64ee591bc4ef99ecdf8f9196c136c9cd8583ad6a6c10816bce0a5589037e82a73e3a2c0ab59077227048506800c7447437c2767c0fc8d52886a3fe0f8dece6e5cde0f3f4c8903ee7faebbd4fd02b21b411ebf74549f8268628b72c8ee3f82fc5ee724c22fe7f34e8a5f7e19f75cae17d08a22550b02118c30c03215db3960bd8e784a79507740c37007a723ef32cf3c6c289cf82252d251e7d850449eda141439530864bb5e0e0c68e1163b998d73133156eb245113a83a64de4580881d3840d8ee23f2af4ba4eb0e1a578e60f756c75c40ce1a1957a8d20713f4729b13797e1af64f4f1159655ff59bcc5339ec2bc7c046cc6689a295fc834930176664d5de38e404f8b982d9d986f22925c1732401321aa44cecaf71d90aa93ed21945b3c1a250928a83a278ab8640345a6ac0ab153573751192dd84f58a546c0939643cbddcbc9053110619721cb73237f2f641683cc4160da40dcf10228ce4dca733299bc7d3414eb628a483d88d06b6adf5edcf5fb725a5aaf87d08fbeb233c647f664910e93fe6db5e1c283e5c641254e3d2ab18df5d2d29727d2c4e92793fe8ffd08f345902c5e5945acf7535c4b8d4e8d042b2e1cdc242f1a3f22ea54fc384fbdfb5aa3b3d2d7033dfcecb66296d22068d7d699b840cccf95f19579f24864825ee916c45ee9684a15ee6769821bba2efbec52d03748ac69652a6f64b63a8f8ecbcee74d0b100ab8e1cff712511f405e4fe92c2a2bbcf79aa1cc5044656739d105a889b3bf6c5cc33bbf6e9ffc8d9121ff87928d76492b3b49f45cbb164994b83748aa0202c6c019430678fbf5fe0f1c6020f9c4be868d35a531e44fdf3f56dd5ad4fcda149c0eed6f367a5175c362a6c8fde6cc3d6c9e6d76d40348de7d01fab850e49463c6a6005970383346f92172aec29180b09187629ae4069099647f2311a2f41bad56e8d313ae185f520cf01cdf4747722d2c767135fe15466f69a6cd27ce5a6cf3545adcc967db59f92af8f7aaf43b7c0ba6791cf76d4cb8dc18ce775d9a84ad599aaee748a3ea12820eff3c89170deda7bd61f21d9a713f35c0e3d0a2b086306025a9b92b0b9df0fe890b97bb6a6b5cdb8f789f64a66a9653afa218a2e0f81d5dfa029dc51ca1cfe4c2e88ce4de96eae09e2d9ce7a8e28c17950aceeefae19f2be643c14caa16e314561389e2a41d4a25c2ab336669bf019a5df119fdf9f415cb223f8f1d06e37bc3e9bbad7fe35604d05a7ae2b34f0a3b3256e744d1032bbe13f9573beda8da92692153f5250b6e6f1beb6ac54bd63329a96d9a7be2175aa85abadc6a627bcba86d49fb214ff3b30f0163ccad09639424e78ac6b36a093cb1ace0efe09dedb65c4537c671b39081e93c24bc9218c1e2d9c8','/srv/jobs','running',1795770537912);
CREATE INDEX record_of_run ON record (run, seq);
CREATE INDEX node_event_of_run ON node_event (run, id);
CREATE INDEX ledger_of_run ON ledger (run, seq);
CREATE INDEX run_list ON run (submitted, id, name, state);
CREATE INDEX run_by_name ON run (name, submitted, id);
CREATE INDEX run_open ON run (submitted, id, name, state)
        WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('ledger',32);
INSERT INTO "sqlite_sequence" VALUES('record',91);
INSERT INTO "sqlite_sequence" VALUES('node_event',70);
COMMIT;
PRAGMA user_version = 2;
